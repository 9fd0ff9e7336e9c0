#include <napi.h>

#include "binding/functions.h"

namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  lathe::add_library_functions(env, exports);
  lathe::add_tensor_functions(env, exports);
  lathe::add_evaluate_functions(env, exports);
  lathe::add_quantize_functions(env, exports);
  lathe::add_gptq_functions(env, exports);
  lathe::add_calibrate_functions(env, exports);
  lathe::add_lora_functions(env, exports);
  lathe::add_train_functions(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(lathe, init)
