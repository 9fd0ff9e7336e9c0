#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "job_control.h"
#include "train/graph.h"

namespace lathe {

/// The frozen tensors of a GGUF file on a device. `streaming` holds one layer at a time, read from the file when it is
/// called for: as slow as the disk's cache, and the memory of a single layer.
class BaseWeights {
 public:
  /// `trained`: names that are left out, because they live among the parameters. Throws CodedError train.badModel,
  /// train.outOfMemory.
  BaseWeights(const GgmlApi& api, ggml_backend_t backend, const std::string& path,
              const std::function<bool(const std::string&)>& trained, bool streaming, JobControl& control);

  /// Null when the file has none of that name; those that are trained are described, without data.
  const ggml_tensor* describe(const std::string& name) const;
  /// The tensor on the device. Null when there is none.
  ggml_tensor* find(const std::string& name) const;
  /// Makes the tensors of a layer usable, and with streaming those of other layers not.
  void hold(int64_t layer);

  /// Reads rows of a tensor of the file as float32: out [rows × ne0]. Throws CodedError train.badModel: no such tensor,
  /// fewer rows, a type without floats.
  void read_rows(const std::string& name, int64_t first, int64_t rows, float* out) const;
  size_t bytes() const;

 private:
  struct Group {
    std::unique_ptr<TensorContext> context;
    std::unique_ptr<BackendBuffer> buffer;
    std::vector<ggml_tensor*> tensors;
    bool is_loaded = false;
  };
  struct Place {
    int64_t offset;  // in the file
    size_t size;
  };
  void load(Group& group);
  void place_in_slot(Group& group);

  const GgmlApi& api_;
  ggml_backend_t backend_;
  std::string path_;
  std::unique_ptr<gguf_context, void (*)(gguf_context*)> file_;
  std::unique_ptr<ggml_context, void (*)(ggml_context*)> described_;
  std::map<std::string, Place> places_;
  std::map<std::string, ggml_tensor*> found_;
  std::map<int64_t, Group> groups_;  // -1: what belongs to no layer
  bool streaming_;
  std::unique_ptr<BackendBuffer> slot_;
  ggml_backend_buffer_t slot_memory_ = nullptr;
  int64_t held_ = -1;
};

}  // namespace lathe
