#include "shared_reader.hpp"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace dms {
namespace {

constexpr char kMagic[4] = {'D', 'M', 'S', 'S'};
constexpr std::uint64_t kVersion = 1;
constexpr timespec kWait{0, 5'000'000};
constexpr int kLooks = 8;

// Loads before it stay before it, loads after it after it. TSan knows no fences, and need not: no
// memory that another thread writes is read around it but in the kernel.
void load_fence() {
#ifndef __SANITIZE_THREAD__
  std::atomic_thread_fence(std::memory_order_acquire);
#endif
}

}  // namespace

RawError parse_shared_header(const std::uint8_t* bytes, std::uint64_t file_bytes,
                             SharedHeader* header) {
  if (std::memcmp(bytes, kMagic, sizeof kMagic) != 0) return RawError::kMagic;
  if (little_endian(bytes + 4, 2) != kVersion) return RawError::kVersion;
  header->slots = static_cast<std::uint32_t>(little_endian(bytes + 6, 2));
  header->slot_bytes = static_cast<std::uint32_t>(little_endian(bytes + 8, 4));
  header->written = little_endian(bytes + kSharedWrittenAt, 8);
  // With one slot the newest frame would always be the one being overwritten.
  if (header->slots < 2 || header->slot_bytes <= kRawHeaderBytes) return RawError::kSize;
  const std::uint64_t needed =  // below 2^49
      kSharedHeaderBytes + std::uint64_t{header->slots} * header->slot_bytes;
  return needed <= file_bytes ? RawError::kNone : RawError::kSize;
}

// --- SharedFrames

SharedFrames::SharedFrames(int fd, RawSink* sink) : fd_(fd), sink_(sink) {
  SharedHeader header;
  state_ = look(&header);
  if (state_ == RawError::kNone) seen_ = header.written;
}

bool SharedFrames::read_at(std::uint64_t offset, std::uint8_t* to, std::size_t size) const {
  while (size > 0) {
    const ssize_t n = pread(fd_, to, size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    to += n;
    offset += static_cast<std::uint64_t>(n);
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

// The count is not read in one piece; but when two looks in a row agree, the first was whole.
RawError SharedFrames::look(SharedHeader* header) {
  std::uint8_t bytes[kSharedHeaderBytes];
  std::uint8_t before[kSharedHeaderBytes];
  load_fence();
  int looks = 0;
  bool same = false;
  while (!same && looks++ < kLooks) {
    if (!read_at(0, before, sizeof before) || !read_at(0, bytes, sizeof bytes))
      return RawError::kSize;
    same = std::memcmp(before, bytes, sizeof bytes) == 0;
  }
  load_fence();
  struct stat info{};
  if (!same || fstat(fd_, &info) != 0) return RawError::kSize;
  return parse_shared_header(bytes, static_cast<std::uint64_t>(info.st_size), header);
}

void SharedFrames::poll() {
  SharedHeader header;
  const RawError before = std::exchange(state_, look(&header));
  if (state_ != RawError::kNone) {  // counted once for each stretch of time
    if (state_ != before)
      ++(state_ == RawError::kMagic ? counters_.bad_magic : counters_.truncated);
    return;
  }
  if (header.written == seen_) return;
  const bool restarted = header.written < seen_;
  if (!restarted) counters_.missed += header.written - seen_ - 1;
  seen_ = header.written;
  if (seen_ > 0) take(header);
}

void SharedFrames::take(const SharedHeader& header) {
  const std::uint64_t at = header.offset_of(header.written - 1);
  std::uint8_t bytes[kRawHeaderBytes];
  RawHeader frame;
  if (!read_at(at, bytes, sizeof bytes)) {
    ++counters_.truncated;
    return;
  }
  RawError error = parse_raw_header(bytes, &frame);
  if (error == RawError::kNone && frame.payload > header.slot_bytes - kRawHeaderBytes)
    error = RawError::kSize;
  if (error != RawError::kNone) {
    const bool foul = error == RawError::kMagic;
    ++(overtaken(header) ? counters_.missed : foul ? counters_.bad_magic : counters_.bad_header);
    return;
  }
  std::uint8_t* to = sink_->begin(frame);
  if (to == nullptr) {
    ++(overtaken(header) ? counters_.missed : counters_.skipped);
    return;
  }
  const bool whole = read_at(at + kRawHeaderBytes, to, frame.payload);
  if (whole && !overtaken(header)) {
    ++counters_.frames;
    sink_->end(frame);
    return;
  }
  sink_->abandon();
  ++(whole ? counters_.missed : counters_.truncated);
}

// Whether the writer may have begun to overwrite the newest frame of `header`: it may be at frame
// `written`, any time after it published that count.
bool SharedFrames::overtaken(const SharedHeader& header) {
  SharedHeader now;
  if (look(&now) != RawError::kNone) return true;
  const bool same_layout = now.slots == header.slots && now.slot_bytes == header.slot_bytes;
  const std::uint64_t newest = header.written - 1;
  // A count that went back wraps round to a large difference.
  return !same_layout || now.written - newest >= header.slots;
}

// --- SharedReader

SharedReader::SharedReader(int fd_in, std::shared_ptr<FrameRing> ring)
    : FrameReader(fd_in, std::move(ring)), frames_(fd(), sink()) {
  if (frames_.state() != RawError::kNone)
    throw std::invalid_argument("not shared frames: bad header, or larger than the file");
  page_ = mmap(nullptr, kSharedHeaderBytes, PROT_READ, MAP_SHARED, fd(), 0);
  if (page_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
}

SharedReader::~SharedReader() {
  stop();
  munmap(page_, kSharedHeaderBytes);
}

void SharedReader::loop() {
  while (!stopping()) {
    frames_.poll();
    publish(frames_.counters());
    wait();
  }
}

// Until `written` changes, but 5 ms at most.
void SharedReader::wait() const {
  auto* word = static_cast<std::uint8_t*>(page_) + kSharedWrittenAt;
  const auto seen = static_cast<std::uint32_t>(frames_.written());
  const bool good = frames_.state() == RawError::kNone;
  if (good && (syscall(SYS_futex, word, FUTEX_WAIT, seen, &kWait, nullptr, 0) == 0 ||
               errno == EAGAIN || errno == EINTR || errno == ETIMEDOUT))
    return;
  clock_nanosleep(CLOCK_MONOTONIC, 0, &kWait, nullptr);  // the page is gone, or nothing to wait for
}

}  // namespace dms
