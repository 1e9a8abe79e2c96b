package org.ferexport.core;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;

/** LiteRT on the desktop, on one thread, through the C API of the library that the Python wheel brings. */
final class LiteRt implements ModelRuntime {
    /** LiteRtRankedTensorType: an element type, then a layout of 68 bytes. */
    private static final int TYPE_BYTES = 72;

    private final LiteRtLibrary library;
    private final Pointer environment;
    private final boolean delegate;

    /** With XNNPACK, or with LiteRT's own kernels. */
    LiteRt(File library, boolean delegate) {
        this.library = Native.load(library.getPath(), LiteRtLibrary.class);
        this.delegate = delegate;
        PointerByReference created = new PointerByReference();
        check(this.library.LiteRtCreateEnvironment(0, null, created));
        environment = created.getValue();
    }

    @Override
    public String name() {
        return "ai-edge-litert";
    }

    @Override
    public String kernels() {
        return delegate ? "litert-xnnpack" : "litert-builtin";
    }

    @Override
    public int threads() {
        return 1;
    }

    @Override
    public boolean runs(String format) {
        return format.equals("tflite");
    }

    @Override
    public FaceModel faces(byte[] file) throws IOException {
        final Compiled compiled = new Compiled(file);
        return new FaceModel() {
            @Override
            public float[][] run(float[] image) {
                Pointer memory = compiled.lock(compiled.inputs[0], LiteRtLibrary.LOCK_WRITE);
                memory.write(0, image, 0, image.length);
                return compiled.run();
            }

            @Override
            public void close() {
                compiled.close();
            }
        };
    }

    @Override
    public EmotionModel emotions(byte[] file) throws IOException {
        final Compiled compiled = new Compiled(file);
        return new EmotionModel() {
            @Override
            public float[] run(byte[] gray) {
                Pointer memory = compiled.lock(compiled.inputs[0], LiteRtLibrary.LOCK_WRITE);
                memory.write(0, gray, 0, gray.length);
                return compiled.run()[0];
            }

            @Override
            public void close() {
                compiled.close();
            }
        };
    }

    private static void check(int status) {
        if (status != 0) {
            throw new IllegalStateException("LiteRT answers with status " + status);
        }
    }

    /** One file with its tensors. */
    private final class Compiled {
        private final PointerByReference model = new PointerByReference();
        private final PointerByReference compiled = new PointerByReference();
        private final Pointer[] inputs;
        private final Pointer[] outputs;

        Compiled(byte[] content) throws IOException {
            File file = File.createTempFile("model", ".tflite");
            try {
                Files.write(file.toPath(), content);
                check(library.LiteRtCreateModelFromFile(environment, file.getPath(), model));
            } finally {
                Files.delete(file.toPath());
            }
            Pointer options = options();
            check(library.LiteRtCreateCompiledModel(environment, model.getValue(), options, compiled));
            library.LiteRtDestroyOptions(options);
            PointerByReference signature = new PointerByReference();
            check(library.LiteRtGetModelSignature(model.getValue(), 0, signature));
            inputs = buffers(signature.getValue(), true);
            outputs = buffers(signature.getValue(), false);
        }

        private Pointer options() {
            PointerByReference options = new PointerByReference();
            check(library.LiteRtCreateOptions(options));
            check(library.LiteRtSetOptionsHardwareAccelerators(options.getValue(), LiteRtLibrary.CPU));
            // The processor's options are a document in TOML that LiteRT frees; kernel_mode 0 is XNNPACK, 2 built in.
            NativeLibrary c = NativeLibrary.getInstance("c");
            String text = "num_threads = 1\nkernel_mode = " + (delegate ? 0 : 2) + "\n";
            Pointer payload = c.getFunction("strdup").invokePointer(new Object[] {text});
            PointerByReference opaque = new PointerByReference();
            check(library.LiteRtCreateOpaqueOptions("xnnpack", payload, c.getFunction("free"), opaque));
            check(library.LiteRtAddOpaqueOptions(options.getValue(), opaque.getValue()));
            return options.getValue();
        }

        private Pointer[] buffers(Pointer signature, boolean input) {
            LongByReference count = new LongByReference();
            check(input ? library.LiteRtGetNumSignatureInputs(signature, count)
                    : library.LiteRtGetNumSignatureOutputs(signature, count));
            Pointer[] buffers = new Pointer[(int) count.getValue()];
            for (int at = 0; at < buffers.length; at++) {
                PointerByReference tensor = new PointerByReference();
                PointerByReference needs = new PointerByReference();
                PointerByReference buffer = new PointerByReference();
                Memory type = new Memory(TYPE_BYTES);
                if (input) {
                    check(library.LiteRtGetSignatureInputTensorByIndex(signature, at, tensor));
                    check(library.LiteRtGetCompiledModelInputBufferRequirements(compiled.getValue(), 0, at, needs));
                } else {
                    check(library.LiteRtGetSignatureOutputTensorByIndex(signature, at, tensor));
                    check(library.LiteRtGetCompiledModelOutputBufferRequirements(compiled.getValue(), 0, at, needs));
                }
                check(library.LiteRtGetRankedTensorType(tensor.getValue(), type));
                check(library.LiteRtCreateManagedTensorBufferFromRequirements(
                        environment, type, needs.getValue(), buffer));
                buffers[at] = buffer.getValue();
            }
            return buffers;
        }

        Pointer lock(Pointer buffer, int mode) {
            PointerByReference memory = new PointerByReference();
            check(library.LiteRtLockTensorBuffer(buffer, memory, mode));
            return memory.getValue();
        }

        /** Runs the file on its locked input; all outputs are float32. */
        float[][] run() {
            check(library.LiteRtUnlockTensorBuffer(inputs[0]));
            check(library.LiteRtRunCompiledModel(
                    compiled.getValue(), 0, inputs.length, inputs, outputs.length, outputs));
            float[][] result = new float[outputs.length][];
            for (int at = 0; at < outputs.length; at++) {
                LongByReference bytes = new LongByReference();
                check(library.LiteRtGetTensorBufferPackedSize(outputs[at], bytes));
                Pointer memory = lock(outputs[at], LiteRtLibrary.LOCK_READ);
                result[at] = memory.getFloatArray(0, (int) bytes.getValue() / Float.BYTES);
                check(library.LiteRtUnlockTensorBuffer(outputs[at]));
            }
            return result;
        }

        void close() {
            for (Pointer[] buffers : new Pointer[][] {inputs, outputs}) {
                for (Pointer buffer : buffers) {
                    library.LiteRtDestroyTensorBuffer(buffer);
                }
            }
            library.LiteRtDestroyCompiledModel(compiled.getValue());
            library.LiteRtDestroyModel(model.getValue());
        }
    }
}
