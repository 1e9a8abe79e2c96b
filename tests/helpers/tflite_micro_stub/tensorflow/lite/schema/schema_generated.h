// A stand-in of ours: see micro/micro_interpreter.h.
#ifndef STUB_SCHEMA_GENERATED_H_
#define STUB_SCHEMA_GENERATED_H_

namespace tflite {

struct Model;

inline const Model* GetModel(const void* content) { return static_cast<const Model*>(content); }

}  // namespace tflite

#endif
