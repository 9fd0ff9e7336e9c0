#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace lathe {

/// A few threads that share out the pieces of one loop at a time. They sleep between loops: ggml's threads and
/// JavaScript's need the cores as well.
class Workers {
 public:
  /// `threads` counts the caller, so 1 starts none.
  explicit Workers(int threads);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  int count() const { return static_cast<int>(helpers_.size()) + 1; }

  /// Calls body(piece) once for every piece in [0, pieces), in any order and on any thread, and returns when all are
  /// done. The first exception of a body is thrown here; pieces not yet begun are then left out.
  void each(int64_t pieces, const std::function<void(int64_t)>& body);

 private:
  void help();
  void take_pieces();

  std::vector<std::thread> helpers_;
  std::mutex mutex_;
  std::condition_variable begin_;
  std::condition_variable end_;
  uint64_t loop_ = 0;  // number of the present loop; a helper that has not seen it yet takes part
  int busy_ = 0;
  bool stopping_ = false;
  const std::function<void(int64_t)>* body_ = nullptr;
  int64_t pieces_ = 0;
  std::atomic<int64_t> next_{0};
  std::exception_ptr failure_;
};

}  // namespace lathe
