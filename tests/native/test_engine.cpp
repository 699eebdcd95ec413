// The engine with networks that see what they are told to: what it runs, allocates and reports.
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "check.hpp"
#include "fake_nets.hpp"

namespace {
long allocations = 0;
}

// Counts what anything in this program takes from the heap. Not inlined, or the compiler pairs
// malloc's free with somebody's new and warns.
#define NOT_INLINED __attribute__((noinline))
NOT_INLINED void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size > 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}
NOT_INLINED void* operator new(std::size_t size, std::align_val_t alignment) {
  ++allocations;
  const auto step = static_cast<std::size_t>(alignment);
  if (void* memory = std::aligned_alloc(step, (size + step - 1) / step * step)) return memory;
  throw std::bad_alloc();
}
NOT_INLINED void operator delete(void* memory) noexcept { std::free(memory); }
NOT_INLINED void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
NOT_INLINED void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
NOT_INLINED void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace {

constexpr std::int64_t kFrame = 33'333'333;

struct Picture {
  int width, height;
  std::vector<std::uint8_t> pixels;
  Picture(int w, int h)
      : width(w), height(h), pixels(static_cast<std::size_t>(w) * static_cast<std::size_t>(h)) {
    check::Random random(11);
    for (auto& pixel : pixels) pixel = random.byte();
  }
  dms::ImageView view() const { return {pixels.data(), width, height, width}; }
};

void frames_take_nothing_from_the_heap() {
  fake::Script script;
  const auto engine = fake::engine(script);
  const Picture large(1280, 800);
  const Picture small(320, 240);
  dms::Seen seen;
  engine->step(large.view(), 0, 0, seen);
  const long before = allocations;
  for (int i = 1; i < 200; ++i) {
    // Tracked, held, lost, found again, checked every second, and in another size for a while.
    script.face_logit = i % 90 > 60 ? -4.0F : 4.0F;
    const Picture& picture = i > 120 && i < 150 ? small : large;
    CHECK(engine->step(picture.view(), i * kFrame, static_cast<std::uint64_t>(i), seen));
  }
  for (int i = 0; i < 3; ++i) engine->still(large.view(), 0, 0, seen);
  CHECK(allocations == before);
  CHECK(script.cabin_runs > 60);
  CHECK(script.body_runs > 30);
}

void a_tracked_face_is_looked_at_once_a_frame() {
  fake::Script script;
  const auto engine = fake::engine(script);
  const Picture picture(640, 480);
  dms::Seen seen;
  CHECK(engine->step(picture.view(), 0, 0, seen) && seen.has_face);
  CHECK(script.face_runs_count == 2);  // found, and looked at again with its own landmarks
  for (int i = 1; i <= 10; ++i) {
    script.face_runs_count = 0;
    script.cabin_runs = 0;
    script.body_runs = 0;
    CHECK(engine->step(picture.view(), i * kFrame, 0, seen) && seen.has_face);
    CHECK(script.face_runs_count == 1);
    CHECK(script.cabin_runs == 0);
    CHECK(script.body_runs == (i % 2 == 0 ? 1 : 0));
  }
}

void landmarks_far_off_are_looked_at_again() {
  fake::Script script;
  const auto engine = fake::engine(script);
  const Picture picture(640, 480);
  dms::Seen seen;
  engine->step(picture.view(), 0, 0, seen);
  script.landmark_reach = 0.5F;  // a third smaller than its region says
  script.face_runs_count = 0;
  engine->step(picture.view(), kFrame, 0, seen);
  CHECK(script.face_runs_count == 2);
}

void a_heat_map_that_errs_makes_no_face() {
  fake::Script script;
  script.face_logit = -3;
  const auto engine = fake::engine(script);
  const Picture picture(640, 480);
  dms::Seen seen;
  CHECK(engine->step(picture.view(), 0, 0, seen));
  CHECK(!seen.has_face && !seen.has_action);
}

void numbers_that_are_none_lose_the_face_and_nothing_else() {
  fake::Script script;
  const auto engine = fake::engine(script);
  const Picture picture(640, 480);
  dms::Seen seen;
  engine->step(picture.view(), 0, 0, seen);
  for (const float broken : {std::nanf(""), INFINITY}) {
    script.landmark_reach = broken;
    CHECK(engine->step(picture.view(), kFrame, 1, seen));
    CHECK(!seen.has_face);
  }
  script.landmark_reach = 0.66F;
  script.face_logit = std::nanf("");
  CHECK(engine->step(picture.view(), 2 * kFrame, 2, seen) && !seen.has_face);
  script.face_logit = 4;
  CHECK(engine->step(picture.view(), 3 * kFrame, 3, seen) && seen.has_face);
}

void a_network_that_does_not_run_is_an_error_with_its_words() {
  fake::Script script;
  script.face_runs = false;
  const auto engine = fake::engine(script);
  const Picture picture(640, 480);
  dms::Seen seen;
  CHECK(!engine->step(picture.view(), 0, 0, seen));
  CHECK(std::string(engine->error()) == "told to fail");
  CHECK(!seen.has_face);
  script.face_runs = true;
  CHECK(engine->step(picture.view(), kFrame, 1, seen) && seen.has_face);
}

void a_view_without_pixels_is_an_error() {
  fake::Script script;
  const auto engine = fake::engine(script);
  dms::Seen seen;
  CHECK(!engine->step({}, 5, 6, seen));
  CHECK(seen.seq == 6 && seen.t_ns == 5 && !seen.has_face);
  CHECK(!engine->still({}, 0, 0, seen));
}

void time_is_counted_by_stage_when_asked_for() {
  fake::Script script;
  const auto engine = fake::engine(script);
  const Picture picture(640, 480);
  dms::Seen seen;
  engine->step(picture.view(), 0, 0, seen);
  for (int i = 0; i < dms::kStages; ++i) CHECK(engine->clock().ns(static_cast<dms::Stage>(i)) == 0);
  engine->clock().enable(true);
  engine->reset();
  engine->step(picture.view(), kFrame, 1, seen);
  for (int i = 0; i < dms::kStages; ++i) CHECK(engine->clock().ns(static_cast<dms::Stage>(i)) > 0);
}

}  // namespace

int main() {
  frames_take_nothing_from_the_heap();
  a_tracked_face_is_looked_at_once_a_frame();
  landmarks_far_off_are_looked_at_again();
  a_heat_map_that_errs_makes_no_face();
  numbers_that_are_none_lose_the_face_and_nothing_else();
  a_network_that_does_not_run_is_an_error_with_its_words();
  a_view_without_pixels_is_an_error();
  time_is_counted_by_stage_when_asked_for();
  return check::result();
}
