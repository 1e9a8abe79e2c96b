package org.ferexport.core;

import com.sun.jna.Library;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;

/** The functions of LiteRT's C API that the tests call (litert/c of google-ai-edge/LiteRT); all return a status. */
interface LiteRtLibrary extends Library {
    int LOCK_READ = 0;
    int LOCK_WRITE = 1;
    int CPU = 1;

    int LiteRtCreateEnvironment(int options, Pointer values, PointerByReference environment);

    int LiteRtCreateModelFromFile(Pointer environment, String file, PointerByReference model);

    void LiteRtDestroyModel(Pointer model);

    int LiteRtGetModelSignature(Pointer model, long index, PointerByReference signature);

    int LiteRtGetNumSignatureInputs(Pointer signature, LongByReference count);

    int LiteRtGetNumSignatureOutputs(Pointer signature, LongByReference count);

    int LiteRtGetSignatureInputTensorByIndex(Pointer signature, long index, PointerByReference tensor);

    int LiteRtGetSignatureOutputTensorByIndex(Pointer signature, long index, PointerByReference tensor);

    int LiteRtGetRankedTensorType(Pointer tensor, Pointer type);

    int LiteRtCreateOptions(PointerByReference options);

    int LiteRtSetOptionsHardwareAccelerators(Pointer options, int accelerators);

    int LiteRtCreateOpaqueOptions(String identifier, Pointer payload, Pointer destructor, PointerByReference options);

    int LiteRtAddOpaqueOptions(Pointer options, Pointer opaque);

    void LiteRtDestroyOptions(Pointer options);

    int LiteRtCreateCompiledModel(Pointer environment, Pointer model, Pointer options, PointerByReference compiled);

    void LiteRtDestroyCompiledModel(Pointer compiled);

    int LiteRtGetCompiledModelInputBufferRequirements(
            Pointer compiled, long signature, long index, PointerByReference requirements);

    int LiteRtGetCompiledModelOutputBufferRequirements(
            Pointer compiled, long signature, long index, PointerByReference requirements);

    int LiteRtCreateManagedTensorBufferFromRequirements(
            Pointer environment, Pointer type, Pointer requirements, PointerByReference buffer);

    void LiteRtDestroyTensorBuffer(Pointer buffer);

    int LiteRtGetTensorBufferPackedSize(Pointer buffer, LongByReference bytes);

    int LiteRtLockTensorBuffer(Pointer buffer, PointerByReference memory, int mode);

    int LiteRtUnlockTensorBuffer(Pointer buffer);

    int LiteRtRunCompiledModel(
            Pointer compiled, long signature, long inputs, Pointer[] input, long outputs, Pointer[] output);
}
