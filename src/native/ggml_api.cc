#include "ggml_api.h"

#include <memory>
#include <mutex>

#include "coded_error.h"
#include "lathe_llama_version.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace lathe {
namespace {

#if defined(_WIN32)

/// Windows looks a function up in the one library it is asked for, not in those that it depends on.
class OpenedLibraries {
 public:
  explicit OpenedLibraries(const GgmlLibraries& libraries)
      : handles_{open(libraries.ggml_base), open(libraries.ggml), open(libraries.llama)} {}

  void* find(const char* name) const {
    for (HMODULE handle : handles_)
      if (FARPROC found = GetProcAddress(handle, name)) return reinterpret_cast<void*>(found);
    return nullptr;
  }

 private:
  static HMODULE open(const std::string& path) {
    const int length = MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, nullptr, 0);
    std::wstring wide(static_cast<size_t>(length), L'\0');
    MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, wide.data(), length);
    // What the library depends on is looked for beside it.
    HMODULE handle = LoadLibraryExW(wide.c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
    if (handle == nullptr)
      throw CodedError("native.librariesMissing", {{"path", path}}, "Windows error " + std::to_string(GetLastError()));
    return handle;
  }

  HMODULE handles_[3];
};

#else

/// dlsym also looks into what a library depends on. Only that one handle is used: the dynamic linker takes an already
/// loaded libggml-base for the one that libllama asks for, whereas opening it by path could make a second instance.
class OpenedLibraries {
 public:
  explicit OpenedLibraries(const GgmlLibraries& libraries) {
    // Never RTLD_GLOBAL: together with another variant, node-llama-cpp's, that ends in a double free at exit.
    handle_ = dlopen(libraries.llama.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_ == nullptr) throw CodedError("native.librariesMissing", {{"path", libraries.llama}}, dlerror());
  }

  void* find(const char* name) const { return dlsym(handle_, name); }

 private:
  void* handle_;
};

#endif

template <class Function>
void find(const OpenedLibraries& opened, const char* name, const std::string& path, Function& function) {
  void* found = opened.find(name);
  if (found == nullptr)
    throw CodedError("native.librariesMissing", {{"path", path}}, std::string("no function ") + name);
  function = reinterpret_cast<Function>(found);
}

thread_local ProblemLog* current_log = nullptr;

void receive_log(ggml_log_level level, const char* text, void*) {
  // A message may go on over several calls.
  thread_local bool was_error = false;
  if (level != GGML_LOG_LEVEL_CONT) was_error = level == GGML_LOG_LEVEL_ERROR;
  if (was_error && current_log != nullptr) current_log->add(text);
}

/// `found` may say more after a hyphen: llama.cpp's own build files add "-dev" for everyone but its publishers.
void check_version(const char* library, const char* expected, std::string_view found) {
  if (found.substr(0, found.find('-')) == expected) return;
  throw CodedError(
      "native.versionMismatch",
      {{"library", std::string(library)}, {"expected", std::string(expected)}, {"found", std::string(found)}});
}

bool has_gpu(const GgmlApi& api) {
  for (size_t i = 0; i < api.ggml_backend_dev_count(); ++i)
    if (api.ggml_backend_dev_type(api.ggml_backend_dev_get(i)) == GGML_BACKEND_DEVICE_TYPE_GPU) return true;
  return false;
}

std::mutex mutex;
// Never closed: backends keep threads and devices until the process ends.
std::unique_ptr<GgmlApi> loaded;

}  // namespace

const GgmlApi& load_ggml(const GgmlLibraries& libraries) {
  std::lock_guard lock(mutex);
  if (loaded != nullptr) {
    if (loaded->folder != libraries.folder)
      throw CodedError("native.otherVariant", {{"loaded", loaded->folder}, {"requested", libraries.folder}});
    return *loaded;
  }
  const OpenedLibraries opened(libraries);
  auto api = std::make_unique<GgmlApi>();
  api->folder = libraries.folder;
  // Before anything else: of another version, the functions may be missing or take other arguments.
  find(opened, "llama_version", libraries.llama, api->llama_version);
  check_version("llama.cpp", kLlamaVersion, api->llama_version());
  find(opened, "ggml_version", libraries.llama, api->ggml_version);
  check_version("ggml", kGgmlVersion, api->ggml_version());
#define LATHE_FIND(name) find(opened, #name, libraries.llama, api->name);
  LATHE_GGML_FUNCTIONS(LATHE_FIND)
#undef LATHE_FIND
  api->llama_log_set(receive_log, nullptr);  // and ggml's with it
  api->ggml_backend_load_all_from_path(libraries.folder.c_str());
  for (const std::string& fallback : libraries.fallback_folders)
    if (!has_gpu(*api)) api->ggml_backend_load_all_from_path(fallback.c_str());
  if (api->ggml_backend_dev_count() == 0)
    throw CodedError("native.librariesMissing", {{"path", libraries.folder}}, "no backend could be loaded");
  api->llama_backend_init();
  loaded = std::move(api);
  return *loaded;
}

const GgmlApi& ggml() {
  std::lock_guard lock(mutex);
  if (loaded == nullptr) throw CodedError("native.librariesMissing", {{"path", std::string()}}, "not loaded yet");
  return *loaded;
}

ProblemLog::ProblemLog() : outer_(current_log) { current_log = this; }

ProblemLog::~ProblemLog() { current_log = outer_; }

void ProblemLog::add(const char* message) {
  constexpr size_t kLimit = 4000;  // of a message for people
  if (text_.size() < kLimit) text_ += message;
}

}  // namespace lathe
