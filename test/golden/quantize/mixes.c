// Prints, as JSON lines, the type that llama.cpp's own quantizer chooses for every tensor of a model, under one file type
// after another, with and without an importance matrix. See the README beside this folder.
//   mixes MODEL.gguf FILE_TYPE…
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "llama.h"

static bool first;

// The dry run tells each tensor in two pieces: "[ 1/ 20] name - [256, 64, 1, 1], type = f16, " and "size = 1 MiB -> 2 MiB (q4_K)".
static void note(enum ggml_log_level level, const char * text, void * data) {
  static char name[128];
  (void)data;
  (void)level;
  int place, total;
  if (sscanf(text, "[%d/%d] %127s", &place, &total, name) == 3) return;
  const char * arrow = strstr(text, "->");
  const char * type = arrow ? strchr(arrow, '(') : NULL;
  if (type == NULL || name[0] == 0) return;
  printf("%s\"%s\":\"%.*s\"", first ? "" : ",", name, (int)strcspn(type + 1, ")"), type + 1);
  first = false;
  name[0] = 0;
}

int main(int count, char ** arguments) {
  llama_log_set(note, NULL);
  // Any entry makes the quantizer believe that it has the whole matrix.
  const float one = 1;
  const struct llama_model_imatrix_data imatrix[] = {{"none", &one, 1}, {NULL, NULL, 0}};
  for (int i = 2; i < count; ++i)
    for (int with = 0; with < 2; ++with) {
      struct llama_model_quantize_params params = llama_model_quantize_default_params();
      params.ftype = atoi(arguments[i]);
      params.dry_run = true;
      params.imatrix = with ? imatrix : NULL;
      printf("{\"fileType\":%d,\"imatrix\":%s,\"types\":{", params.ftype, with ? "true" : "false");
      first = true;
      // Some types have no fallback for rows that are no whole number of blocks.
      const bool refused = llama_model_quantize(arguments[1], "none", &params) != 0;
      printf("},\"refused\":%s}\n", refused ? "true" : "false");
    }
  return 0;
}
