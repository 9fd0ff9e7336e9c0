// ggml's encoders and decoders of every type, on foreign blocks and on floats of any bits. The libraries are not
// instrumented, so their buffers end at a page that nobody may touch.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "coded_error.h"
#include "input.h"
#include "library.h"
#include "quantize/ggml_types.h"

using namespace lathe;

namespace {

/// Memory whose last byte is the last before a page without rights.
class Guarded {
 public:
  explicit Guarded(size_t size) {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    whole_ = (size + page - 1) / page * page + page;
    base_ = static_cast<uint8_t*>(mmap(nullptr, whole_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (base_ == MAP_FAILED) std::abort();
    mprotect(base_ + whole_ - page, page, PROT_NONE);
    data_ = base_ + whole_ - page - size;
  }
  ~Guarded() { munmap(base_, whole_); }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  uint8_t* bytes() { return data_; }
  float* floats() { return reinterpret_cast<float*>(data_); }

 private:
  uint8_t* base_;
  uint8_t* data_;
  size_t whole_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const GgmlApi& api = fuzz::library();
  fuzz::Input input(data, size);
  const auto type = static_cast<ggml_type>(input.between(0, GGML_TYPE_COUNT - 1));
  const ggml_type_traits* traits = api.ggml_get_type_traits(type);
  if (traits == nullptr || traits->blck_size == 0 || (type != GGML_TYPE_F32 && traits->to_float == nullptr)) return 0;
  const int64_t length = traits->blck_size * input.between(1, std::max<int64_t>(1, 512 / traits->blck_size));
  const int64_t rows = input.between(1, 3);
  const size_t row_bytes = api.ggml_row_size(type, length);
  fuzz::Quiet control;
  Guarded blocks(rows * row_bytes), weight(4 * rows * length), target(rows * row_bytes), importance(4 * length);
  input.fill(blocks.bytes(), rows * row_bytes);
  try {
    ggml_dequantize_rows(api, type, rows, length, blocks.bytes(), weight.floats(), 1);
  } catch (const CodedError&) {
  }
  input.fill(weight.bytes(), 4 * rows * length);
  input.fill(importance.bytes(), 4 * length);
  const bool weighted = api.ggml_quantize_requires_imatrix(type) || input.between(0, 1) == 0;
  // Sums of squares are never negative, and whoever calls refuses those that are not finite.
  for (int64_t i = 0; i < length; ++i) {
    const float value = importance.floats()[i];
    importance.floats()[i] = value >= 0 && value < 1e30f ? value : 1.0f;
  }
  try {
    ggml_quantize_rows(api, type, rows, length, weight.floats(), weighted ? importance.floats() : nullptr,
                       target.bytes(), 1, control);
  } catch (const CodedError&) {
  }
  return 0;
}
