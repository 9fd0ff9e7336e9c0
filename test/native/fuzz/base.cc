// The trainer's reader of a model's file: tables of tensors of any names, shapes, types and places, files that end
// early, all at once or layer by layer. What it takes lies on the device as it stands in the file. What parses the
// table is ggml's, which is not instrumented.
#include "train/base.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "coded_error.h"
#include "input.h"
#include "library.h"

using namespace lathe;

namespace {

/// A file that is only memory.
class MemoryFile {
 public:
  explicit MemoryFile(const std::string& bytes) : descriptor_(memfd_create("model", 0)) {
    if (descriptor_ < 0) std::abort();
    fuzz::promise(write(descriptor_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

class Writer {
 public:
  template <typename T>
  void number(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(T));
  }
  void text(const std::string& value) {
    number<uint64_t>(value.size());
    bytes_ += value;
  }
  void pad(size_t alignment) { bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment); }
  std::string& bytes() { return bytes_; }

 private:
  std::string bytes_;
};

constexpr const char* kNames[] = {
    "token_embd.weight",
    "output_norm.weight",
    "blk.0.attn_q.weight",
    "blk.0.ffn_up.weight",
    "blk.1.attn_q.weight",
    "blk.1.ffn_up.weight",
    "blk.-1.attn_q.weight",
    "blk.-7.x",
    "blk.9223372036854775807.x",
    "blk.99999999999999999999.x",
    "blk.",
    "blk.2",
};
constexpr int64_t kKnown = sizeof(kNames) / sizeof(kNames[0]);
/// A row of every type, and then some.
constexpr int64_t kLengths[] = {1, 2, 32, 64, 256, 512};
constexpr size_t kMostData = 64 * 1024;

std::string name_of(fuzz::Input& input) {
  if (input.between(0, 7) != 0) return kNames[input.between(0, kKnown - 1)];
  std::string name(static_cast<size_t>(input.between(0, 70)), ' ');
  input.fill(name.data(), name.size());
  return name;
}

/// A GGUF file (docs/gguf.md of ggml, version 3), mostly with what its table promises. Its names are added to `names`.
std::string make(fuzz::Input& input, std::set<std::string>& names) {
  const GgmlApi& api = fuzz::library();
  const auto lies = [&] { return input.between(0, 31) == 31; };
  Writer out;
  out.bytes() = "GGUF";
  out.number<uint32_t>(lies() ? input.take<uint32_t>() : 3);
  const int64_t count = input.between(0, 8);
  out.number<int64_t>(lies() ? input.take<int64_t>() : count);
  out.number<int64_t>(1);
  out.text("general.alignment");
  out.number<uint32_t>(GGUF_TYPE_UINT32);
  const uint32_t alignment = lies() ? input.take<uint32_t>() : 32;
  out.number<uint32_t>(alignment);
  uint64_t offset = 0;
  for (int64_t i = 0; i < count; ++i) {
    const std::string name = name_of(input);
    names.insert(name);
    out.text(name);
    const int64_t dimensions = lies() ? input.between(0, 9) : input.between(1, 3);
    out.number<uint32_t>(static_cast<uint32_t>(dimensions));
    int64_t elements = 1, row = 1;
    for (int64_t d = 0; d < dimensions; ++d) {
      int64_t length = d == 0 ? kLengths[input.between(0, 5)] : input.between(1, 5);
      if (lies()) length = input.take<int64_t>();
      if (d == 0) row = length;
      if (__builtin_mul_overflow(elements, length, &elements)) elements = 0;
      out.number<int64_t>(length);
    }
    const auto type = static_cast<uint32_t>(lies() ? input.take<uint32_t>() : input.between(0, GGML_TYPE_COUNT - 1));
    out.number<uint32_t>(type);
    out.number<uint64_t>(lies() ? input.take<uint64_t>() : offset);
    const int64_t block = type < GGML_TYPE_COUNT ? api.ggml_blck_size(static_cast<ggml_type>(type)) : 0;
    if (block <= 0 || row <= 0 || elements <= 0 || row % block != 0 || elements > static_cast<int64_t>(kMostData))
      continue;
    const size_t size = api.ggml_row_size(static_cast<ggml_type>(type), row) * static_cast<size_t>(elements / row);
    offset += (size + 31) / 32 * 32;
  }
  out.pad(32);
  if (offset > kMostData * 8) offset = kMostData * 8;
  std::string data(offset, '\0');
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 31 + i / 251);
  out.bytes() += data;
  std::string& bytes = out.bytes();
  if (lies()) bytes.resize(static_cast<size_t>(input.take<uint32_t>()) % (bytes.size() + 1));
  if (lies() && !bytes.empty())
    bytes[input.take<uint32_t>() % bytes.size()] ^= static_cast<char>(input.take<uint8_t>());
  return std::move(bytes);
}

/// Owns what trainers own, too.
struct Device {
  ggml_backend_t backend = nullptr;
  Device() {
    const GgmlApi& api = fuzz::library();
    for (size_t i = 0; i < api.ggml_backend_dev_count() && backend == nullptr; ++i) {
      ggml_backend_dev_t device = api.ggml_backend_dev_get(i);
      if (api.ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_CPU)
        backend = api.ggml_backend_dev_init(device, nullptr);
    }
    if (backend == nullptr) std::abort();
  }
};

void look(const BaseWeights& base, const std::string& name, const std::string& file) {
  const GgmlApi& api = fuzz::library();
  const ggml_tensor* described = base.describe(name);
  if (described == nullptr) return;
  ggml_tensor* own = base.find(name);
  if (own != nullptr && own->data != nullptr) {
    const size_t size = api.ggml_nbytes(described);
    std::string held(size, '\0');
    if (size > 0) api.ggml_backend_tensor_get(own, held.data(), 0, size);
    fuzz::promise(file.find(held) != std::string::npos);
  }
  fuzz::promise(api.ggml_nbytes(described) > 0 && api.ggml_nbytes(described) <= file.size());
  const int64_t rows = described->ne[1] * described->ne[2] * described->ne[3];
  for (const int64_t wanted : {int64_t{1}, rows, rows + 1}) {
    std::vector<float> values(static_cast<size_t>(described->ne[0] * wanted));
    try {
      base.read_rows(name, 0, wanted, values.data());
      fuzz::promise(wanted <= rows);
    } catch (const CodedError& error) {
      fuzz::promise(error.code() == "train.badModel");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Device device;
  fuzz::Input input(data, size);
  const bool streaming = input.between(0, 1) == 1;
  const int64_t trained = input.between(0, kKnown);
  std::set<std::string> names;
  const std::string bytes = make(input, names);
  const MemoryFile file(bytes);
  fuzz::Quiet control;
  try {
    BaseWeights base(
        fuzz::library(), device.backend, file.path(),
        [&](const std::string& name) { return trained < kKnown && name == kNames[trained]; }, streaming, control);
    for (const int64_t layer : {0, 1, 0, 2}) {
      base.hold(layer);
      for (const std::string& name : names) {
        const bool is_of_layer = name.rfind("blk." + std::to_string(layer) + ".", 0) == 0;
        if (is_of_layer || !streaming) look(base, name, bytes);
      }
    }
    fuzz::promise(base.bytes() < 64 * kMostData);
  } catch (const CodedError& error) {
    fuzz::promise(error.code() == "train.badModel" || error.code() == "train.outOfMemory");
  }
  return 0;
}
