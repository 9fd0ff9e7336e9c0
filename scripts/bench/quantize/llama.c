// llama FROM TO FILE_TYPE THREADS: llama_model_quantize alone. Prints one line of JSON: the seconds that it took, and
// those of all processors together.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "llama.h"

static double now(void) {
  struct timespec time;
  timespec_get(&time, TIME_UTC);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void silent(enum ggml_log_level level, const char* text, void* data) {
  (void)level, (void)text, (void)data;
}

int main(int count, char** arguments) {
  if (count != 5) return 2;
  llama_log_set(silent, NULL);
  struct llama_model_quantize_params params = llama_model_quantize_default_params();
  params.ftype = (enum llama_ftype)atoi(arguments[3]);
  params.nthread = atoi(arguments[4]);
  const double start = now();
  const uint32_t code = llama_model_quantize(arguments[1], arguments[2], &params);
  printf("{\"seconds\": %.6f, \"cpuSeconds\": %.6f}\n", now() - start, (double)clock() / CLOCKS_PER_SEC);
  return code == 0 ? 0 : 1;
}
