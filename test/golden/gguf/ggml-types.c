// Prints what the ggml library itself says of every tensor type, as JSON.
#include "ggml.h"

#include <stdio.h>

int main(void) {
    printf("[");
    for (int id = 0; id < GGML_TYPE_COUNT; ++id) {
        const char * name = ggml_type_name((enum ggml_type) id);
        printf("%s\n  { \"id\": %d, \"name\": \"%s\", \"blockSize\": %d, \"bytesPerBlock\": %d, \"quantized\": %s }", id ? "," : "", id,
               name ? name : "", (int) ggml_blck_size((enum ggml_type) id), (int) ggml_type_size((enum ggml_type) id),
               ggml_is_quantized((enum ggml_type) id) ? "true" : "false");
    }
    printf("\n]\n");
    return 0;
}
