// A stand-in of ours for tflite-micro's headers, which no package ships: the few names that a program of fer-export
// uses, with the published signatures. What computes is a program (STUB_RUN) that hands the model, the size of the
// arena and the input to an interpreter in Python.
#ifndef STUB_MICRO_INTERPRETER_H_
#define STUB_MICRO_INTERPRETER_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

STUB_BEGIN

class MicroInterpreter {
 public:
  MicroInterpreter(const tflite::Model* model, const MicroOpResolver& ops, uint8_t* arena, size_t arena_size)
      : model_(model), ops_(ops), arena_(arena), arena_size_(arena_size) {}

  TfLiteStatus AllocateTensors() {
    if (reinterpret_cast<uintptr_t>(model_) % 16 || reinterpret_cast<uintptr_t>(arena_) % 16) return kTfLiteError;
    if (ops_.names() != Words("STUB_OPS")) return kTfLiteError;
    input_.resize(std::stoul(Variable("STUB_INPUT_BYTES")));
    const std::string bytes = Variable("STUB_MODEL_BYTES");
    Write("model", reinterpret_cast<const char*>(model_), std::stoul(bytes));
    return Run();
  }

  TfLiteStatus Invoke() { return Run(); }

  TfLiteTensor* input(size_t) {
    tensor_.data.raw = input_.data();
    return &tensor_;
  }

  TfLiteTensor* output(size_t) {
    answer_.data.raw = output_.data();
    return &answer_;
  }

 private:
  static std::string Variable(const char* name) { return std::getenv(name); }

  static std::set<std::string> Words(const char* name) {
    std::set<std::string> found;
    std::string word;
    for (char letter : Variable(name) + ",") {
      if (letter != ',') {
        word += letter;
      } else {
        found.insert(word);
        word.clear();
      }
    }
    return found;
  }

  static void Write(const char* name, const char* content, size_t size) {
    std::ofstream(name, std::ios::binary).write(content, static_cast<std::streamsize>(size));
  }

  TfLiteStatus Run() {
    Write("input", input_.data(), input_.size());
    if (std::system((Variable("STUB_RUN") + " " + std::to_string(arena_size_)).c_str()) != 0) return kTfLiteError;
    std::ifstream file("output", std::ios::binary);
    output_.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    return kTfLiteOk;
  }

  const tflite::Model* model_;
  const MicroOpResolver& ops_;
  uint8_t* arena_;
  size_t arena_size_;
  std::vector<char> input_, output_;
  TfLiteTensor tensor_, answer_;
};

STUB_END

#endif
