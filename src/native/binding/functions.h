#pragma once

#include <napi.h>

namespace lathe {

/// Each adds the functions of one domain to the module.
void add_library_functions(Napi::Env env, Napi::Object exports);
void add_tensor_functions(Napi::Env env, Napi::Object exports);
void add_evaluate_functions(Napi::Env env, Napi::Object exports);
void add_quantize_functions(Napi::Env env, Napi::Object exports);
void add_gptq_functions(Napi::Env env, Napi::Object exports);
void add_calibrate_functions(Napi::Env env, Napi::Object exports);
void add_lora_functions(Napi::Env env, Napi::Object exports);
void add_train_functions(Napi::Env env, Napi::Object exports);

}  // namespace lathe
