#include "binding/arguments.h"
#include "binding/functions.h"
#include "ggml_api.h"
#include "kernels/cpu_features.h"
#include "lathe_llama_version.h"

namespace lathe {
namespace {

/// load({ folder, ggmlBase, ggml, llama, fallbackFolders })
Napi::Value load(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsObject()) throw Napi::TypeError::New(env, "libraries is not an object");
  const auto given = info[0].As<Napi::Object>();
  const auto text_of = [&](const char* name) {
    const Napi::Value value = given.Get(name);
    if (!value.IsString()) throw Napi::TypeError::New(env, std::string(name) + " is not a string");
    return value.As<Napi::String>().Utf8Value();
  };
  GgmlLibraries libraries{text_of("folder"), text_of("ggmlBase"), text_of("ggml"), text_of("llama"), {}};
  if (!given.Get("fallbackFolders").IsArray()) throw Napi::TypeError::New(env, "fallbackFolders is not an array");
  const auto folders = given.Get("fallbackFolders").As<Napi::Array>();
  for (uint32_t i = 0; i < folders.Length(); ++i) {
    const Napi::Value folder = folders[i];
    if (!folder.IsString()) throw Napi::TypeError::New(env, "a fallback folder is not a string");
    libraries.fallback_folders.push_back(folder.As<Napi::String>().Utf8Value());
  }
  return throwing_to_js(env, [&] {
    load_ggml(libraries);
    return env.Undefined();
  });
}

/// builtFor(): versions of the headers, before anything is loaded
Napi::Value built_for(const Napi::CallbackInfo& info) {
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("release", kLlamaRelease);
  result.Set("llama", kLlamaVersion);
  result.Set("ggml", kGgmlVersion);
  return result;
}

/// versions(): of the libraries
Napi::Value versions(const Napi::CallbackInfo& info) {
  return throwing_to_js(info.Env(), [&] {
    const GgmlApi& api = ggml();
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("release", kLlamaRelease);
    result.Set("llama", api.llama_version());
    result.Set("ggml", api.ggml_version());
    result.Set("ggmlCommit", api.ggml_commit());
    return result;
  });
}

const char* kind_of(enum ggml_backend_dev_type type) {
  switch (type) {
    case GGML_BACKEND_DEVICE_TYPE_CPU:
      return "cpu";
    case GGML_BACKEND_DEVICE_TYPE_GPU:
      return "gpu";
    case GGML_BACKEND_DEVICE_TYPE_IGPU:
      return "integratedGpu";
    default:
      return "accelerator";
  }
}

/// systemInfo(): what computes here
Napi::Value system_info(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return throwing_to_js(env, [&] {
    const GgmlApi& api = ggml();
    Napi::Array devices = Napi::Array::New(env);
    for (size_t i = 0; i < api.ggml_backend_dev_count(); ++i) {
      ggml_backend_dev_t device = api.ggml_backend_dev_get(i);
      size_t free_bytes = 0, total_bytes = 0;
      api.ggml_backend_dev_memory(device, &free_bytes, &total_bytes);
      Napi::Object entry = Napi::Object::New(env);
      entry.Set("name", api.ggml_backend_dev_name(device));
      entry.Set("description", api.ggml_backend_dev_description(device));
      entry.Set("backend", api.ggml_backend_reg_name(api.ggml_backend_dev_backend_reg(device)));
      entry.Set("kind", kind_of(api.ggml_backend_dev_type(device)));
      entry.Set("freeBytes", static_cast<double>(free_bytes));
      entry.Set("totalBytes", static_cast<double>(total_bytes));
      devices.Set(static_cast<uint32_t>(i), entry);
    }
    const CpuFeatures& cpu = cpu_features();
    Napi::Object kernels = Napi::Object::New(env);
    kernels.Set("avx2", cpu.avx2);
    kernels.Set("avx512", cpu.avx512);
    kernels.Set("neon", cpu.neon);
    Napi::Object result = Napi::Object::New(env);
    result.Set("llama", api.llama_print_system_info());
    result.Set("devices", devices);
    result.Set("kernels", kernels);
    return result;
  });
}

Napi::Value cancel_flag(const Napi::CallbackInfo& info) { return create_cancel_flag(info.Env()); }

void raise(const Napi::CallbackInfo& info) { *cancel_flag_of(info[0]) = true; }

}  // namespace

void add_library_functions(Napi::Env env, Napi::Object exports) {
  exports.Set("load", Napi::Function::New(env, load));
  exports.Set("builtFor", Napi::Function::New(env, built_for));
  exports.Set("versions", Napi::Function::New(env, versions));
  exports.Set("systemInfo", Napi::Function::New(env, system_info));
  exports.Set("cancelFlag", Napi::Function::New(env, cancel_flag));
  exports.Set("raise", Napi::Function::New(env, raise));
}

}  // namespace lathe
