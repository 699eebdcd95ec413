// Frames in shared memory: how a camera process hands frames over without a pipe.
//
// A file, usually in /dev/shm, of a 64-byte little-endian header, then the slots:
//   0  magic "DMSS"     4  u16 version = 1     6  u16 slots >= 2
//   8  u32 slot bytes  12  u32 reserved       16  u64 written: frames completed so far
// Frame n lies in slot n % slots, at 64 + slot * slot bytes, as in the raw frame stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "frame_ring.hpp"
#include "raw_reader.hpp"

namespace dms {

inline constexpr std::size_t kSharedHeaderBytes = 64;
inline constexpr std::size_t kSharedWrittenAt = 16;

struct SharedHeader {
  std::uint32_t slots = 0;
  std::uint32_t slot_bytes = 0;
  std::uint64_t written = 0;

  std::uint64_t offset_of(std::uint64_t n) const {
    return kSharedHeaderBytes + n % slots * slot_bytes;
  }
};

// Reads kSharedHeaderBytes bytes, of a file of `file_bytes` bytes. Anything but kNone: `header` is
// not to be used.
RawError parse_shared_header(const std::uint8_t* bytes, std::uint64_t file_bytes,
                             SharedHeader* header);

// Takes frames out of the file, one a call. Reads with pread(), not through a mapping: that is one
// copy as well, and a file cut short under it gives an error, not a SIGBUS.
class SharedFrames {
 public:
  // Does not own `fd`. Frames completed before are not taken.
  SharedFrames(int fd, RawSink* sink);

  // What is wrong with the file's header, as of the last look.
  RawError state() const { return state_; }
  // The newest completed frame goes to the sink if it is new and stays whole while it is copied.
  void poll();
  // Of the last look: `written`.
  std::uint64_t written() const { return seen_; }
  const RawCounters& counters() const { return counters_; }

 private:
  RawError look(SharedHeader* header);
  void take(const SharedHeader& header);
  bool overtaken(const SharedHeader& header);
  bool read_at(std::uint64_t offset, std::uint8_t* to, std::size_t size) const;

  int fd_;
  RawSink* sink_;
  RawError state_;
  std::uint64_t seen_ = 0;
  RawCounters counters_;
};

// A thread that does so for every new frame. It sleeps on `written` as a futex, and looks every
// 5 ms all the same, for writers that wake nobody.
class SharedReader final : public FrameReader {
 public:
  // Throws std::system_error, or std::invalid_argument for a file that is none of this kind.
  SharedReader(int fd, std::shared_ptr<FrameRing> ring);
  ~SharedReader() override;  // stops

 private:
  void loop() override;
  void wait() const;

  SharedFrames frames_;
  void* page_ = nullptr;  // for the kernel's look at the futex; never touched from here
};

}  // namespace dms
