#include "workers.h"

namespace lathe {

Workers::Workers(int threads) {
  for (int i = 1; i < threads; ++i) helpers_.emplace_back([this] { help(); });
}

Workers::~Workers() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  begin_.notify_all();
  for (auto& helper : helpers_) helper.join();
}

void Workers::each(int64_t pieces, const std::function<void(int64_t)>& body) {
  if (helpers_.empty() || pieces <= 1) {
    for (int64_t piece = 0; piece < pieces; ++piece) body(piece);
    return;
  }
  {
    std::lock_guard lock(mutex_);
    body_ = &body;
    pieces_ = pieces;
    next_ = 0;
    failure_ = nullptr;
    busy_ = static_cast<int>(helpers_.size());
    ++loop_;
  }
  begin_.notify_all();
  take_pieces();
  std::unique_lock lock(mutex_);
  end_.wait(lock, [this] { return busy_ == 0; });
  body_ = nullptr;
  if (failure_) std::rethrow_exception(failure_);
}

void Workers::help() {
  uint64_t seen = 0;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      begin_.wait(lock, [&] { return stopping_ || loop_ != seen; });
      if (stopping_) return;
      seen = loop_;
    }
    take_pieces();
    std::lock_guard lock(mutex_);
    if (--busy_ == 0) end_.notify_one();
  }
}

void Workers::take_pieces() {
  try {
    for (int64_t piece = next_++; piece < pieces_; piece = next_++) (*body_)(piece);
  } catch (...) {
    std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::current_exception();
    next_ = pieces_;
  }
}

}  // namespace lathe
