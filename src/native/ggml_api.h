#pragma once

#include <ggml-alloc.h>
#include <ggml-backend.h>
#include <ggml.h>
#include <gguf.h>
#include <llama.h>

#include <string>
#include <vector>

namespace lathe {

// The functions of ggml and llama.cpp that are used here. To use another one, add its name.
#define LATHE_GGML_FUNCTIONS(X)           \
  X(ggml_version)                         \
  X(ggml_commit)                          \
  X(ggml_log_set)                         \
  X(ggml_type_name)                       \
  X(ggml_blck_size)                       \
  X(ggml_type_size)                       \
  X(ggml_row_size)                        \
  X(ggml_nbytes)                          \
  X(ggml_is_quantized)                    \
  X(ggml_get_type_traits)                 \
  X(ggml_quantize_init)                   \
  X(ggml_quantize_free)                   \
  X(ggml_quantize_requires_imatrix)       \
  X(ggml_quantize_chunk)                  \
  X(ggml_validate_row_data)               \
  X(ggml_init)                            \
  X(ggml_free)                            \
  X(ggml_tensor_overhead)                 \
  X(ggml_graph_overhead_custom)           \
  X(ggml_new_graph_custom)                \
  X(ggml_build_forward_expand)            \
  X(ggml_graph_n_nodes)                   \
  X(ggml_graph_node)                      \
  X(ggml_new_tensor_1d)                   \
  X(ggml_new_tensor_2d)                   \
  X(ggml_new_tensor_4d)                   \
  X(ggml_get_tensor)                      \
  X(ggml_get_first_tensor)                \
  X(ggml_set_name)                        \
  X(ggml_set_output)                      \
  X(ggml_nelements)                       \
  X(ggml_is_contiguous)                   \
  X(ggml_op_desc)                         \
  X(ggml_view_1d)                         \
  X(ggml_view_2d)                         \
  X(ggml_view_3d)                         \
  X(ggml_reshape_1d)                      \
  X(ggml_reshape_2d)                      \
  X(ggml_reshape_3d)                      \
  X(ggml_permute)                         \
  X(ggml_transpose)                       \
  X(ggml_cont)                            \
  X(ggml_cpy)                             \
  X(ggml_concat)                          \
  X(ggml_get_rows)                        \
  X(ggml_set_rows)                        \
  X(ggml_mul_mat)                         \
  X(ggml_add)                             \
  X(ggml_add_inplace)                     \
  X(ggml_sub)                             \
  X(ggml_mul)                             \
  X(ggml_div)                             \
  X(ggml_scale)                           \
  X(ggml_scale_inplace)                   \
  X(ggml_scale_bias)                      \
  X(ggml_sqr)                             \
  X(ggml_sqrt)                            \
  X(ggml_tanh)                            \
  X(ggml_silu)                            \
  X(ggml_silu_back)                       \
  X(ggml_rms_norm)                        \
  X(ggml_soft_max)                        \
  X(ggml_soft_max_ext)                    \
  X(ggml_rope_ext)                        \
  X(ggml_rope_ext_back)                   \
  X(ggml_argmax)                          \
  X(ggml_sum_rows)                        \
  X(ggml_opt_step_adamw)                  \
  X(ggml_opt_step_sgd)                    \
  X(ggml_custom_4d)                       \
  X(ggml_custom_inplace)                  \
  X(ggml_threadpool_params_default)       \
  X(ggml_gallocr_new)                     \
  X(ggml_gallocr_free)                    \
  X(ggml_gallocr_alloc_graph)             \
  X(ggml_gallocr_get_buffer_size)         \
  X(ggml_backend_tensor_get)              \
  X(ggml_backend_load_all_from_path)      \
  X(ggml_backend_dev_count)               \
  X(ggml_backend_dev_get)                 \
  X(ggml_backend_dev_name)                \
  X(ggml_backend_dev_description)         \
  X(ggml_backend_dev_type)                \
  X(ggml_backend_dev_memory)              \
  X(ggml_backend_dev_backend_reg)         \
  X(ggml_backend_reg_name)                \
  X(ggml_backend_reg_get_proc_address)    \
  X(ggml_backend_dev_init)                \
  X(ggml_backend_dev_supports_op)         \
  X(ggml_backend_free)                    \
  X(ggml_backend_get_device)              \
  X(ggml_backend_get_default_buffer_type) \
  X(ggml_backend_buft_alloc_buffer)       \
  X(ggml_backend_buft_get_alignment)      \
  X(ggml_backend_buft_get_alloc_size)     \
  X(ggml_backend_buffer_free)             \
  X(ggml_backend_buffer_get_base)         \
  X(ggml_backend_buffer_get_size)         \
  X(ggml_backend_alloc_ctx_tensors)       \
  X(ggml_backend_tensor_alloc)            \
  X(ggml_backend_tensor_set)              \
  X(ggml_backend_tensor_memset)           \
  X(ggml_backend_graph_compute)           \
  X(gguf_init_from_file)                  \
  X(gguf_free)                            \
  X(gguf_get_n_tensors)                   \
  X(gguf_get_tensor_name)                 \
  X(gguf_get_tensor_type)                 \
  X(gguf_get_data_offset)                 \
  X(gguf_get_tensor_offset)               \
  X(gguf_find_key)                        \
  X(gguf_get_kv_type)                     \
  X(gguf_get_arr_type)                    \
  X(gguf_get_arr_n)                       \
  X(gguf_get_arr_str)                     \
  X(gguf_get_val_str)                     \
  X(gguf_get_val_u32)                     \
  X(llama_version)                        \
  X(llama_backend_init)                   \
  X(llama_log_set)                        \
  X(llama_print_system_info)              \
  X(llama_model_default_params)           \
  X(llama_model_load_from_file)           \
  X(llama_model_free)                     \
  X(llama_model_get_vocab)                \
  X(llama_model_n_ctx_train)              \
  X(llama_model_has_encoder)              \
  X(llama_model_has_decoder)              \
  X(llama_adapter_lora_init)              \
  X(llama_set_adapters_lora)              \
  X(llama_vocab_type)                     \
  X(llama_vocab_n_tokens)                 \
  X(llama_vocab_get_add_bos)              \
  X(llama_vocab_get_add_eos)              \
  X(llama_vocab_bos)                      \
  X(llama_vocab_eos)                      \
  X(llama_vocab_is_eog)                   \
  X(llama_tokenize)                       \
  X(llama_detokenize)                     \
  X(llama_token_to_piece)                 \
  X(llama_context_default_params)         \
  X(llama_init_from_model)                \
  X(llama_free)                           \
  X(llama_get_memory)                     \
  X(llama_memory_clear)                   \
  X(llama_memory_seq_rm)                  \
  X(llama_attach_threadpool)              \
  X(llama_batch_get_one)                  \
  X(llama_batch_init)                     \
  X(llama_batch_free)                     \
  X(llama_decode)                         \
  X(llama_synchronize)                    \
  X(llama_get_logits_ith)

/// The libraries that node-llama-cpp ships, opened while the program runs: nothing is linked to them, so one addon
/// serves every variant (CPU, CUDA, Vulkan, Metal). Each member is the function of its name.
struct GgmlApi {
#define LATHE_DECLARE(name) decltype(&::name) name = nullptr;
  LATHE_GGML_FUNCTIONS(LATHE_DECLARE)
#undef LATHE_DECLARE

  std::string folder;
};

/// Files of one variant, as paths in UTF-8, in the order in which they depend on each other.
struct GgmlLibraries {
  std::string folder;  // where ggml finds its backends
  std::string ggml_base;
  std::string ggml;
  std::string llama;
  /// Tried in turn for as long as no GPU was found: backends built for older drivers. Empty for a variant without GPU.
  std::vector<std::string> fallback_folders;
};

/// Open the libraries, check that they are those whose headers this was compiled with, and load their backends. One
/// process uses one variant: a second call must name the same folder, and then only returns what is there. Throws
/// CodedError native.librariesMissing, native.versionMismatch, native.otherVariant.
const GgmlApi& load_ggml(const GgmlLibraries& libraries);

/// What load_ggml has opened. Throws CodedError native.librariesMissing when it has not.
const GgmlApi& ggml();

/// Collects what ggml and llama.cpp complain about on this thread: their functions only say that they failed.
class ProblemLog {
 public:
  ProblemLog();
  ~ProblemLog();
  ProblemLog(const ProblemLog&) = delete;
  ProblemLog& operator=(const ProblemLog&) = delete;

  /// The messages of errors, one per line.
  const std::string& text() const { return text_; }
  void add(const char* message);

 private:
  ProblemLog* outer_;
  std::string text_;
};

}  // namespace lathe
