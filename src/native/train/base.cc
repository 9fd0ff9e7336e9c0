#include "train/base.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "coded_error.h"

namespace lathe {
namespace {

/// Bytes that are on their way from the file to the device at a time.
constexpr size_t kPiece = 16 * 1024 * 1024;

/// The layer in blk.N.…; -1 for other names.
int64_t layer_of(const std::string& name) {
  int64_t layer = -1;
  if (name.rfind("blk.", 0) == 0) std::from_chars(name.data() + 4, name.data() + name.size(), layer);
  return layer;
}

/// Whether a tensor has data, of at most `most` bytes. ggml multiplies modulo 2⁶⁴: its sizes may look small that are
/// not, and beside a length of 0 the others may be anything.
bool fits(const GgmlApi& api, const ggml_tensor* tensor, int64_t most) {
  const auto block_bytes = static_cast<int64_t>(api.ggml_type_size(tensor->type));
  const int64_t block = api.ggml_blck_size(tensor->type);
  if (block <= 0 || block_bytes <= 0 || tensor->ne[0] < block) return false;
  const int64_t most_blocks = most / block_bytes;
  int64_t blocks = tensor->ne[0] / block;
  for (int d = 1; d < GGML_MAX_DIMS; ++d) {
    if (tensor->ne[d] < 1 || blocks > most_blocks / tensor->ne[d]) return false;
    blocks *= tensor->ne[d];
  }
  return blocks <= most_blocks;
}

CodedError bad_model(const std::string& path, const std::string& problem) {
  return CodedError("train.badModel", {{"file", path}}, problem);
}

std::ifstream open_file(const std::string& path) {
  std::ifstream file(std::filesystem::path(std::u8string(path.begin(), path.end())), std::ios::binary);
  if (!file) throw bad_model(path, "cannot be opened");
  return file;
}

void read_at(std::ifstream& file, const std::string& path, int64_t offset, char* out, size_t size) {
  file.seekg(offset);
  file.read(out, static_cast<std::streamsize>(size));
  if (!file) throw bad_model(path, "ended while it was read");
}

}  // namespace

BaseWeights::BaseWeights(const GgmlApi& api, ggml_backend_t backend, const std::string& path,
                         const std::function<bool(const std::string&)>& trained, bool streaming, JobControl& control)
    : api_(api),
      backend_(backend),
      path_(path),
      file_(nullptr, api.gguf_free),
      described_(nullptr, api.ggml_free),
      streaming_(streaming) {
  const ProblemLog log;
  ggml_context* described = nullptr;
  file_.reset(api.gguf_init_from_file(path.c_str(), {/*no_alloc=*/true, &described}));
  described_.reset(described);
  if (file_ == nullptr) throw bad_model(path, log.text());
  std::ifstream file = open_file(path);
  file.seekg(0, std::ios::end);
  const int64_t length = file.tellg();
  const int64_t count = api.gguf_get_n_tensors(file_.get());
  std::map<int64_t, size_t> sizes;
  for (int64_t i = 0; i < count; ++i) ++sizes[layer_of(api.gguf_get_tensor_name(file_.get(), i))];
  for (int64_t i = 0; i < count; ++i) {
    const std::string name = api.gguf_get_tensor_name(file_.get(), i);
    const ggml_tensor* tensor = api.ggml_get_tensor(described, name.c_str());
    const size_t size = api.ggml_nbytes(tensor);
    const auto offset =
        static_cast<int64_t>(api.gguf_get_data_offset(file_.get()) + api.gguf_get_tensor_offset(file_.get(), i));
    if (offset < 0 || offset > length || !fits(api, tensor, length - offset))
      throw bad_model(path, name + " does not lie in the file");
    places_[name] = {offset, size};
    if (trained(name)) continue;
    const int64_t layer = layer_of(name);
    Group& group = groups_[layer];
    if (group.context == nullptr) {
      group.context = std::make_unique<TensorContext>(api, sizes[layer] + 1);
      group.buffer = std::make_unique<BackendBuffer>(api);
    }
    ggml_tensor* own = api.ggml_new_tensor_4d(group.context->get(), tensor->type, tensor->ne[0], tensor->ne[1],
                                              tensor->ne[2], tensor->ne[3]);
    api.ggml_set_name(own, name.c_str());
    group.tensors.push_back(own);
    found_[name] = own;
  }
  if (streaming_) {
    const ggml_backend_buffer_type_t kind = api.ggml_backend_get_default_buffer_type(backend);
    const size_t alignment = api.ggml_backend_buft_get_alignment(kind);
    size_t most = 0;
    for (auto& [layer, group] : groups_) {
      size_t needed = 0;
      for (ggml_tensor* t : group.tensors)
        needed += (api.ggml_backend_buft_get_alloc_size(kind, t) + alignment - 1) / alignment * alignment;
      if (layer >= 0) most = std::max(most, needed);
    }
    slot_ = std::make_unique<BackendBuffer>(api);
    slot_memory_ = api.ggml_backend_buft_alloc_buffer(kind, std::max<size_t>(most, alignment));
    if (slot_memory_ == nullptr) throw CodedError("train.outOfMemory", {}, log.text());
    slot_->reset(slot_memory_);
  }
  double done = 0;
  for (auto& [layer, group] : groups_) {
    control.stop_if_cancelled();
    control.report(done++, static_cast<double>(groups_.size()));
    if (layer >= 0 && streaming_) continue;
    allocate(api_, group.context->get(), backend_, *group.buffer);
    load(group);
  }
}

void BaseWeights::place_in_slot(Group& group) {
  const ggml_backend_buffer_type_t kind = api_.ggml_backend_get_default_buffer_type(backend_);
  const size_t alignment = api_.ggml_backend_buft_get_alignment(kind);
  auto* memory = static_cast<char*>(api_.ggml_backend_buffer_get_base(slot_memory_));
  for (ggml_tensor* t : group.tensors) {
    t->buffer = nullptr;
    t->data = nullptr;
    api_.ggml_backend_tensor_alloc(slot_memory_, t, memory);
    memory += (api_.ggml_backend_buft_get_alloc_size(kind, t) + alignment - 1) / alignment * alignment;
  }
}

void BaseWeights::load(Group& group) {
  std::ifstream file = open_file(path_);
  std::vector<char> piece;
  for (ggml_tensor* t : group.tensors) {
    const Place& place = places_.at(t->name);
    for (size_t done = 0; done < place.size; done += kPiece) {
      const size_t size = std::min(kPiece, place.size - done);
      piece.resize(std::max(piece.size(), size));
      read_at(file, path_, place.offset + static_cast<int64_t>(done), piece.data(), size);
      api_.ggml_backend_tensor_set(t, piece.data(), done, size);
    }
  }
  group.is_loaded = true;
}

void BaseWeights::hold(int64_t layer) {
  // The slot is made for layers; what belongs to none is always there.
  if (!streaming_ || layer < 0 || held_ == layer) return;
  const auto found = groups_.find(layer);
  if (found == groups_.end()) return;
  place_in_slot(found->second);
  load(found->second);
  held_ = layer;
}

const ggml_tensor* BaseWeights::describe(const std::string& name) const {
  return places_.contains(name) ? api_.ggml_get_tensor(described_.get(), name.c_str()) : nullptr;
}

ggml_tensor* BaseWeights::find(const std::string& name) const {
  const auto found = found_.find(name);
  return found == found_.end() ? nullptr : found->second;
}

void BaseWeights::read_rows(const std::string& name, int64_t first, int64_t rows, float* out) const {
  const ggml_tensor* tensor = describe(name);
  if (tensor == nullptr) throw bad_model(path_, "no tensor " + name);
  const int64_t held = tensor->ne[1] * tensor->ne[2] * tensor->ne[3];
  if (first < 0 || rows < 0 || first > held - rows) throw bad_model(path_, name + " has fewer rows");
  const ggml_to_float_t to_float = api_.ggml_get_type_traits(tensor->type)->to_float;
  if (tensor->type != GGML_TYPE_F32 && to_float == nullptr) throw bad_model(path_, name + " holds no floats");
  const size_t row = api_.ggml_row_size(tensor->type, tensor->ne[0]);
  std::vector<char> packed(row * static_cast<size_t>(rows));
  std::ifstream file = open_file(path_);
  read_at(file, path_, places_.at(name).offset + first * static_cast<int64_t>(row), packed.data(), packed.size());
  if (tensor->type == GGML_TYPE_F32)
    std::copy_n(reinterpret_cast<const float*>(packed.data()), rows * tensor->ne[0], out);
  else
    to_float(packed.data(), out, rows * tensor->ne[0]);
}

size_t BaseWeights::bytes() const {
  size_t sum = slot_ == nullptr ? 0 : slot_->size();
  for (const auto& [layer, group] : groups_) sum += group.buffer->size();
  return sum;
}

}  // namespace lathe
