#pragma once

#include <atomic>
#include <cstdlib>
#include <string>

#include "ggml_api.h"
#include "job_control.h"

namespace lathe::fuzz {

/// ggml, from the libraries that LATHE_GGML_BASE, LATHE_GGML and LATHE_LLAMA name.
inline const GgmlApi& library() {
  static const GgmlApi& api = []() -> const GgmlApi& {
    const auto variable = [](const char* name) {
      return std::string(std::getenv(name) == nullptr ? "" : std::getenv(name));
    };
    GgmlLibraries libraries;
    libraries.ggml_base = variable("LATHE_GGML_BASE");
    libraries.ggml = variable("LATHE_GGML");
    libraries.llama = variable("LATHE_LLAMA");
    libraries.folder = libraries.ggml.substr(0, libraries.ggml.rfind('/'));
    return load_ggml(libraries);
  }();
  return api;
}

/// Never cancelled, and tells nobody.
class Quiet : public JobControl {
 public:
  void report(double, double) override {}
  const std::atomic<bool>& cancelled() const override { return cancelled_; }

 private:
  std::atomic<bool> cancelled_{false};
};

}  // namespace lathe::fuzz
