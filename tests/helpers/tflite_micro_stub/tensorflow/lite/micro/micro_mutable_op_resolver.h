// A stand-in of ours: see micro_interpreter.h. With STUB_2026 names lie where releases from 2026 on have them.
#ifndef STUB_MICRO_MUTABLE_OP_RESOLVER_H_
#define STUB_MICRO_MUTABLE_OP_RESOLVER_H_

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

#ifdef STUB_2026
#define STUB_BEGIN namespace tflite { namespace micro {
#define STUB_END } }
namespace tflite {
namespace micro {
#else
#define STUB_BEGIN namespace tflite {
#define STUB_END }
#endif

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };

union TfLitePtrUnion {
  float* f;
  char* raw;
  uint8_t* uint8;
  int8_t* int8;
};

struct TfLiteTensor {
  TfLitePtrUnion data;
};

#ifdef STUB_2026
}  // namespace micro
using micro::kTfLiteError;
using micro::kTfLiteOk;
using micro::TfLiteStatus;
using micro::TfLiteTensor;
}  // namespace tflite
#endif

STUB_BEGIN

class MicroOpResolver {
 public:
  const std::set<std::string>& names() const { return names_; }

 protected:
  std::set<std::string> names_;
};

template <unsigned int kCount>
class MicroMutableOpResolver : public MicroOpResolver {
 public:
  TfLiteStatus AddAdd() { return Add("ADD"); }
  TfLiteStatus AddAveragePool2D() { return Add("AVERAGE_POOL_2D"); }
  TfLiteStatus AddConv2D() { return Add("CONV_2D"); }
  TfLiteStatus AddDepthwiseConv2D() { return Add("DEPTHWISE_CONV_2D"); }
  TfLiteStatus AddDequantize() { return Add("DEQUANTIZE"); }
  TfLiteStatus AddFullyConnected() { return Add("FULLY_CONNECTED"); }
  TfLiteStatus AddMaxPool2D() { return Add("MAX_POOL_2D"); }
  TfLiteStatus AddMean() { return Add("MEAN"); }
  TfLiteStatus AddMul() { return Add("MUL"); }
  TfLiteStatus AddPad() { return Add("PAD"); }
  TfLiteStatus AddQuantize() { return Add("QUANTIZE"); }
  TfLiteStatus AddReshape() { return Add("RESHAPE"); }
  TfLiteStatus AddSoftmax() { return Add("SOFTMAX"); }

 private:
  TfLiteStatus Add(const char* name) {
    return names_.size() < kCount && names_.insert(name).second ? kTfLiteOk : kTfLiteError;
  }
};

STUB_END

#endif
