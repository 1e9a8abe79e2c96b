package org.ferexport.app;

import android.content.Context;
import android.graphics.Bitmap;
import android.graphics.ImageFormat;
import android.hardware.camera2.CameraAccessException;
import android.hardware.camera2.CameraCaptureSession;
import android.hardware.camera2.CameraCharacteristics;
import android.hardware.camera2.CameraDevice;
import android.hardware.camera2.CameraManager;
import android.hardware.camera2.CaptureRequest;
import android.hardware.camera2.params.StreamConfigurationMap;
import android.media.Image;
import android.media.ImageReader;
import android.os.Handler;
import android.os.HandlerThread;
import android.os.Looper;
import android.util.Size;
import android.view.Surface;
import java.util.Collections;
import java.util.concurrent.atomic.AtomicBoolean;
import org.ferexport.fer.FerFrame;

/**
 * The frames of one of the phone's cameras, upright. Frames are copied on a thread of their own; those that the main
 * thread has no time for are dropped. Used on the main thread; started once.
 */
final class CameraFeed {
    /** Hears of frames and of the end, on the main thread; nothing after stop. */
    interface Listener {
        void onFrame(FerFrame frame, Bitmap picture, boolean front);

        /** Why there is no picture: a string of the resources. */
        void onFailed(int text);
    }

    /** How the screen is turned, asked for with every frame. */
    interface Display {
        /** A Surface.ROTATION_ constant. */
        int rotation();
    }

    /** Pixels of a frame: the detectors look at 192 x 192. */
    private static final int PIXELS = 640 * 480;

    private final CameraManager manager;
    private final Display display;
    private final Listener listener;
    private final Handler main = new Handler(Looper.getMainLooper());
    private final HandlerThread thread = new HandlerThread("camera");
    private final AtomicBoolean waiting = new AtomicBoolean();
    private volatile boolean stopped;
    private boolean front;
    private int sensor;
    private Handler worker;

    // Used on the camera's thread.
    private volatile CameraDevice device;
    private CameraCaptureSession session;
    private ImageReader reader;

    CameraFeed(Context context, Display display, Listener listener) {
        manager = (CameraManager) context.getSystemService(Context.CAMERA_SERVICE);
        this.display = display;
        this.listener = listener;
    }

    /** Whether the phone has a camera on that side. */
    static boolean has(Context context, boolean front) {
        CameraManager manager = (CameraManager) context.getSystemService(Context.CAMERA_SERVICE);
        try {
            return find(manager, front) != null;
        } catch (CameraAccessException unreachable) {
            return false;
        }
    }

    /** Clockwise degrees that turn a frame upright. */
    static int rotation(int sensor, int displayDegrees, boolean front) {
        return (front ? sensor + displayDegrees : sensor - displayDegrees + 360) % 360;
    }

    /** Clockwise degrees of a Surface.ROTATION_ constant. */
    static int degrees(int surfaceRotation) {
        switch (surfaceRotation) {
            case Surface.ROTATION_90:
                return 90;
            case Surface.ROTATION_180:
                return 180;
            case Surface.ROTATION_270:
                return 270;
            default:
                return 0;
        }
    }

    /** The size with about as many pixels as the detectors need; the smaller of two that are as near. */
    static Size nearest(Size[] sizes) {
        Size result = sizes[0];
        for (Size size : sizes) {
            long distance = distance(size);
            if (distance < distance(result)
                    || distance == distance(result) && size.getWidth() < result.getWidth()) {
                result = size;
            }
        }
        return result;
    }

    private static long distance(Size size) {
        return Math.abs((long) size.getWidth() * size.getHeight() - PIXELS);
    }

    /** Opens the camera of a side; the permission has been granted. */
    void start(boolean frontSide) {
        front = frontSide;
        thread.start();
        worker = new Handler(thread.getLooper());
        try {
            String id = find(manager, front);
            if (id == null) {
                fail(R.string.live_none);
                return;
            }
            CameraCharacteristics camera = manager.getCameraCharacteristics(id);
            Integer turned = camera.get(CameraCharacteristics.SENSOR_ORIENTATION);
            sensor = turned == null ? 0 : turned;
            StreamConfigurationMap map = camera.get(CameraCharacteristics.SCALER_STREAM_CONFIGURATION_MAP);
            Size[] sizes = map == null ? null : map.getOutputSizes(ImageFormat.YUV_420_888);
            Size size = sizes == null || sizes.length == 0 ? new Size(640, 480) : nearest(sizes);
            reader = ImageReader.newInstance(size.getWidth(), size.getHeight(), ImageFormat.YUV_420_888, 2);
            reader.setOnImageAvailableListener(new ImageReader.OnImageAvailableListener() {
                @Override
                public void onImageAvailable(ImageReader from) {
                    take(from);
                }
            }, worker);
            manager.openCamera(id, new Opened(), worker);
        } catch (CameraAccessException busy) {
            fail(R.string.live_busy);
        } catch (SecurityException denied) {
            fail(R.string.live_denied);
        } catch (IllegalArgumentException gone) {
            fail(R.string.live_busy);
        }
    }

    /** Frees the camera; a second call does nothing. */
    void stop() {
        if (stopped) {
            return;
        }
        stopped = true;
        if (worker != null) {
            worker.post(new Runnable() {
                @Override
                public void run() {
                    close();
                }
            });
            thread.quitSafely();
        }
    }

    /** Whether the camera is this app's now. */
    boolean isOpen() {
        return device != null;
    }

    private static String find(CameraManager manager, boolean front) throws CameraAccessException {
        int wanted = front ? CameraCharacteristics.LENS_FACING_FRONT : CameraCharacteristics.LENS_FACING_BACK;
        for (String id : manager.getCameraIdList()) {
            Integer facing = manager.getCameraCharacteristics(id).get(CameraCharacteristics.LENS_FACING);
            if (facing != null && facing == wanted) {
                return id;
            }
        }
        return null;
    }

    private void take(ImageReader from) {
        Image image = stopped ? null : from.acquireLatestImage();
        if (image == null) {
            return;
        }
        try {
            if (waiting.compareAndSet(false, true)) {
                FerFrame frame = FerFrame.copy(image, rotation(sensor, degrees(display.rotation()), front));
                deliver(frame, frame.toBitmap());
            }
        } finally {
            image.close();
        }
    }

    private void deliver(final FerFrame frame, final Bitmap picture) {
        main.post(new Runnable() {
            @Override
            public void run() {
                waiting.set(false);
                if (!stopped) {
                    listener.onFrame(frame, picture, front);
                }
            }
        });
    }

    private void fail(final int text) {
        main.post(new Runnable() {
            @Override
            public void run() {
                if (!stopped) {
                    listener.onFailed(text);
                }
            }
        });
    }

    private void close() {
        if (session != null) {
            session.close();
        }
        if (device != null) {
            device.close();
        }
        if (reader != null) {
            reader.close();
        }
        session = null;
        device = null;
        reader = null;
    }

    /** On the camera's thread. */
    private final class Opened extends CameraDevice.StateCallback {
        @Override
        @SuppressWarnings("deprecation") // Its successor begins with API 28.
        public void onOpened(CameraDevice camera) {
            device = camera;
            if (stopped) {
                close();
                return;
            }
            try {
                camera.createCaptureSession(
                        Collections.singletonList(reader.getSurface()), new Configured(), worker);
            } catch (CameraAccessException lost) {
                fail(R.string.live_busy);
            } catch (IllegalStateException closed) {
                fail(R.string.live_busy);
            }
        }

        @Override
        public void onDisconnected(CameraDevice camera) {
            camera.close();
            fail(R.string.live_busy);
        }

        @Override
        public void onError(CameraDevice camera, int error) {
            camera.close();
            boolean denied = error == ERROR_CAMERA_DISABLED;
            fail(denied ? R.string.live_denied : R.string.live_busy);
        }
    }

    private final class Configured extends CameraCaptureSession.StateCallback {
        @Override
        public void onConfigured(CameraCaptureSession configured) {
            session = configured;
            if (stopped || device == null) {
                close();
                return;
            }
            try {
                CaptureRequest.Builder request = device.createCaptureRequest(CameraDevice.TEMPLATE_PREVIEW);
                request.addTarget(reader.getSurface());
                configured.setRepeatingRequest(request.build(), null, worker);
            } catch (CameraAccessException lost) {
                fail(R.string.live_busy);
            } catch (IllegalStateException closed) {
                fail(R.string.live_busy);
            }
        }

        @Override
        public void onConfigureFailed(CameraCaptureSession refused) {
            fail(R.string.live_busy);
        }
    }
}
