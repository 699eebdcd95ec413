#include "live.hpp"

#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "thread.hpp"

namespace dms {
namespace {

constexpr std::int64_t kWaitNs = 50'000'000;  // the longest sleep without a look at `stop_`

std::int64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

Live::Live(Engine& engine, FrameRing& ring)
    : engine_(engine), ring_(ring), fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (fd_ < 0) throw std::runtime_error(std::string("eventfd: ") + std::strerror(errno));
}

Live::~Live() {
  stop();
  close(fd_);
}

void Live::start() {
  if (running()) return;
  stop_.store(false, std::memory_order_release);
  finished_.store(false, std::memory_order_release);
  thread_ = start_thread([this] { run(); });
}

void Live::stop() {
  if (!running()) return;
  stop_.store(true, std::memory_order_release);
  ring_.wake();
  thread_.join();
}

LiveCounters Live::counters() const {
  const auto relaxed = std::memory_order_relaxed;
  return {frames_.load(relaxed), skipped_.load(relaxed), dropped_.load(relaxed),
          failures_.load(relaxed)};
}

void Live::run() {
  while (!stop_.load(std::memory_order_acquire)) {
    const std::uint32_t version = ring_.version();
    const bool closed = ring_.closed();
    Pin pin = last_ticket_ == 0 ? ring_.latest() : ring_.next(last_ticket_);
    if (pin) {
      observe(pin);
    } else if (closed) {
      break;
    } else {
      ring_.wait_change(version, kWaitNs);
    }
  }
  finished_.store(!stop_.load(std::memory_order_acquire), std::memory_order_release);
  signal();
}

void Live::observe(Pin& pin) {
  const std::int64_t cpu = thread_cpu_ns();
  const std::int64_t wall = monotonic_ns();
  const std::uint64_t seq = pin.seq();
  if (last_ticket_ != 0) {
    const std::uint64_t overwritten = pin.ticket() - last_ticket_ - 1;
    skipped_.fetch_add(std::max(overwritten, dropped_between(last_seq_, seq)),
                       std::memory_order_relaxed);
  }
  last_ticket_ = pin.ticket();
  last_seq_ = seq;
  item_.failed = !engine_.step(pin.view(), pin.t_ns(), seq, item_.seen);
  pin.release();
  item_.done_ns = monotonic_ns();
  item_.wall_ns = item_.done_ns - wall;
  item_.cpu_ns = thread_cpu_ns() - cpu;
  frames_.fetch_add(1, std::memory_order_relaxed);
  if (item_.failed) failures_.fetch_add(1, std::memory_order_relaxed);
  if (handover_.push(item_)) dropped_.fetch_add(1, std::memory_order_relaxed);
  signal();
}

void Live::signal() const {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the fd is readable anyway.
  [[maybe_unused]] const ssize_t written = write(fd_, &one, sizeof(one));
}

}  // namespace dms
