package org.ferexport.fer;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.ferexport.core.PhotoCheck;
import org.ferexport.core.SelfCheckReport;
import org.ferexport.core.VariantCheck;

/** Whether this phone finds, cuts and answers what Python did when the bundle was made, and how fast. */
public final class FerCheck {
    /** Hears how far the check is; called on the thread that runs it. */
    public interface Progress {
        void onStep(int step, int steps);
    }

    private final SelfCheckReport report;
    private final Phone phone;

    FerCheck(SelfCheckReport report, Phone phone) {
        this.report = report;
        this.phone = phone;
    }

    /** Whether this phone computes what Python computed. */
    public boolean isPassed() {
        return report.passed();
    }

    /** One entry for every network of the bundle that lies on this phone. */
    public List<Variant> getVariants() {
        List<Variant> result = new ArrayList<Variant>();
        for (VariantCheck variant : report.variants) {
            result.add(new Variant(variant));
        }
        return Collections.unmodifiableList(result);
    }

    /** How the golden photos were decoded, and the faces found and cut. */
    public Photos getPhotos() {
        return new Photos(report.photos);
    }

    /** Maker and name of the phone. */
    public String getPhone() {
        return phone.device().model;
    }

    /** Its processor and the processor's binary interface. */
    public String getProcessor() {
        return phone.device().cpu + " (" + phone.device().abi + ")";
    }

    /** Its system, such as {@code Android 15}. */
    public String getSystem() {
        return phone.device().os;
    }

    /** Runtime with its version. */
    public String getRuntime() {
        return report.runtime;
    }

    /** Threads of one inference. */
    public int getThreads() {
        return report.threads;
    }

    /** The document that `fer-export device FILE.json` reads. */
    public String toJson() {
        return report.toJson(phone.device());
    }

    /** One network against its golden answers. */
    public static final class Variant {
        private final VariantCheck check;

        Variant(VariantCheck check) {
            this.check = check;
        }

        public String getName() {
            return FerVariant.name(check.variant);
        }

        public boolean isPassed() {
            return check.withinTolerance;
        }

        /** Largest difference of any probability. */
        public double getLargestDifference() {
            return check.largestDifference;
        }

        /** Largest difference that is allowed here. */
        public double getTolerance() {
            return check.tolerance;
        }

        /** Proportion of vectors with the same most probable label. */
        public double getAgreement() {
            return check.agreement;
        }

        /** Vectors compared. */
        public int getVectors() {
            return check.vectors;
        }

        /** Median of one inference, in milliseconds. */
        public double getMedian() {
            return check.p50;
        }

        /** 95th percentile of one inference, in milliseconds. */
        public double getSlowest() {
            return check.p95;
        }
    }

    /** The golden photos against what Python found in them. */
    public static final class Photos {
        private final PhotoCheck check;

        Photos(PhotoCheck check) {
            this.check = check;
        }

        public boolean isPassed() {
            return check.passed();
        }

        public int getPhotos() {
            return check.photos();
        }

        /** Photos of which every pixel is the same. */
        public int getEqualPhotos() {
            return check.equalPhotos();
        }

        public int getCrops() {
            return check.crops();
        }

        /** Grey faces of which every byte is the same. */
        public int getEqualCrops() {
            return check.equalCrops();
        }

        public int getFaces() {
            return check.faces();
        }

        public int getMissingFaces() {
            return check.missingFaces();
        }

        /** Faces that Python did not find. */
        public int getForeignFaces() {
            return check.foreignFaces();
        }

        /** Largest shift of a box's edge, in pixels. */
        public long getBoxDistance() {
            return check.boxDistance();
        }
    }
}
