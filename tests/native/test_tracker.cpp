// The rules of finding and following, without pixels.
#include <algorithm>
#include <cmath>
#include <vector>

#include "check.hpp"
#include "locate.hpp"
#include "tracker.hpp"

namespace {

using dms::Candidate;
using dms::Candidates;
using dms::Roi;
using dms::Seat;
using dms::Tracker;

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kFrame = 33 * kMs;
constexpr int kWidth = 1280;
constexpr int kHeight = 800;

Roi square(double cx, double cy, double side) { return {cx, cy, side, side, 0}; }

std::vector<float> flat_map(float logit) {
  std::vector<float> map(dms::HeatMap::kChannels * dms::HeatMap::kCells, 0.0F);
  std::fill_n(map.begin(), dms::HeatMap::kCells, logit);
  return map;
}

void a_peak_becomes_a_face_where_and_as_large_as_the_map_says() {
  std::vector<float> map = flat_map(-9);
  const std::size_t at = 10 * 32 + 20;
  map[at] = 3;
  map[at + 1] = 2;  // its neighbour proposes the same face
  map[at + dms::HeatMap::kCells] = 0.25F;
  map[at + 2 * dms::HeatMap::kCells] = -0.5F;
  map[at + 3 * dms::HeatMap::kCells] = std::log(2.0F);
  Candidates found;
  dms::find_faces(map.data(), dms::whole_frame(kWidth, kHeight), found);
  CHECK(found.count == 1);
  // 1280 x 800 in 4:3 is 1280 x 960 around (640, 400): 5 px of the frame a pixel of the input.
  CHECK(std::fabs(found.items[0].cx - 5 * 8 * 20.75) < 1e-3);
  CHECK(std::fabs(found.items[0].cy - (400 + 5 * (8 * 10.0 - 96))) < 1e-3);
  CHECK(std::fabs(found.items[0].side - 5 * 64) < 1e-3);
  CHECK(std::fabs(found.items[0].score - 0.952574) < 1e-5);
}

void a_flat_map_gives_one_face_or_none() {
  Candidates found;
  dms::find_faces(flat_map(-9).data(), dms::whole_frame(kWidth, kHeight), found);
  CHECK(found.count == 0);
  dms::find_faces(flat_map(3).data(), dms::whole_frame(kWidth, kHeight), found);
  CHECK(found.count == 1);
}

void proposals_stay_sorted() {
  check::Random random(7);
  for (int round = 0; round < 200; ++round) {
    Candidates found;
    for (int i = 0; i < 40; ++i)
      found.add({random.uniform(0, 1000), random.uniform(0, 800), random.uniform(30, 300),
                 static_cast<float>(random.uniform(0.3, 1))});
    CHECK(found.count > 0 && found.count <= Candidates::kMost);
    for (std::size_t i = 1; i < static_cast<std::size_t>(found.count); ++i)
      CHECK(found.items[i - 1].score >= found.items[i].score);
  }
}

void the_driver_is_chosen_by_seat_then_by_size() {
  Candidates two;
  two.add({300, 400, 200, 0.9F});
  two.add({1000, 400, 200, 0.9F});
  CHECK(
      two.items[static_cast<std::size_t>(dms::pick_driver(two, Seat::kLeft, kWidth, kHeight))].cx ==
      1000);
  CHECK(two.items[static_cast<std::size_t>(dms::pick_driver(two, Seat::kRight, kWidth, kHeight))]
            .cx == 300);
  two.add({640, 300, 90, 0.95F});  // someone in the back
  CHECK(two.items[static_cast<std::size_t>(dms::pick_driver(two, Seat::kUnknown, kWidth, kHeight))]
            .side == 200);
  CHECK(dms::pick_driver(Candidates{}, Seat::kLeft, kWidth, kHeight) == -1);
}

Candidates with(const Candidate& one, const Candidate& other) {
  Candidates two;
  two.add(one);
  two.add(other);
  dms::doubt_prints(two);
  return two;
}

double side_of_driver(const Candidates& found) {
  const int best = dms::pick_driver(found, Seat::kUnknown, kWidth, kHeight);
  return found.items[static_cast<std::size_t>(best)].side;
}

void a_print_on_the_drivers_shirt_is_not_a_nearer_driver() {
  const Candidate print{640, 540, 600, 0.8F};
  CHECK(side_of_driver(with({640, 300, 220, 0.7F}, print)) == 220);
  CHECK(side_of_driver(with({640, 300, 220, 0.39F}, print)) == 600);  // too unsure to say so
  CHECK(side_of_driver(with({640, 500, 220, 0.7F}, print)) == 600);   // in the face: on a phone
  CHECK(side_of_driver(with({900, 300, 220, 0.7F}, print)) == 600);   // beside it: in the back
  CHECK(side_of_driver(with({640, 300, 500, 0.7F}, print)) == 600);   // as near
}

void a_print_that_was_taken_for_the_driver_is_left_again() {
  Tracker tracker(Seat::kUnknown);
  tracker.begin(0, kWidth, kHeight);
  CHECK(tracker.take(0.95F, square(640, 540, 600)));
  const Candidates both = with({640, 300, 220, 0.8F}, {640, 540, 600, 0.8F});
  for (std::int64_t t = 1; t < 3; ++t) {
    tracker.begin(t * 1000 * kMs, kWidth, kHeight);
    CHECK(tracker.check(both) == (t == 2));
  }
}

Tracker tracking(Seat seat = Seat::kUnknown) {
  Tracker tracker(seat);
  CHECK(!tracker.begin(0, kWidth, kHeight));
  CHECK(tracker.take(0.9F, square(400, 300, 200)));
  return tracker;
}

void a_face_needs_more_to_come_than_to_stay() {
  Tracker tracker(Seat::kUnknown);
  tracker.begin(0, kWidth, kHeight);
  CHECK(!tracker.take(0.75F, square(400, 300, 200)));
  CHECK(!tracker.has_face());
  CHECK(tracker.take(0.85F, square(400, 300, 200)));
  tracker.begin(kFrame, kWidth, kHeight);
  CHECK(tracker.keep(0.4F, square(402, 300, 200)));
  CHECK(!tracker.keep(0.3F, square(402, 300, 200)));
}

void what_lies_where_a_lost_face_was_needs_as_much_as_a_new_one() {
  Tracker tracker = tracking();
  tracker.begin(kFrame, kWidth, kHeight);
  CHECK(!tracker.keep(0.3F, square(400, 300, 200)));
  tracker.miss();
  tracker.begin(2 * kFrame, kWidth, kHeight);
  CHECK(!tracker.keep(0.65F, square(400, 300, 200)));  // a headrest behind a driver who moved away
  CHECK(tracker.keep(0.85F, square(400, 300, 200)));
  tracker.begin(3 * kFrame, kWidth, kHeight);
  CHECK(tracker.keep(0.4F, square(400, 300, 200)));
}

void a_doubtful_face_is_checked_soon() {
  for (const float score : {0.9F, 0.6F}) {
    Tracker tracker = tracking();
    tracker.begin(kFrame, kWidth, kHeight);
    CHECK(tracker.keep(score, square(400, 300, 200)));
    tracker.begin(kFrame + 99 * kMs, kWidth, kHeight);
    CHECK(!tracker.check_due());
    tracker.begin(kFrame + 100 * kMs, kWidth, kHeight);
    CHECK(tracker.check_due() == (score < 0.8F));
  }
}

void what_cannot_be_measured_is_no_face() {
  Tracker tracker(Seat::kUnknown);
  tracker.begin(0, kWidth, kHeight);
  const double nan = std::nan("");
  for (const Roi& roi : {square(nan, 300, 200), square(400, 300, nan), square(400, 300, 10),
                         square(-5, 300, 200), square(400, 801, 200), square(400, 300, 9000)})
    CHECK(!tracker.take(0.9F, roi));
  CHECK(!tracker.take(std::nanf(""), square(400, 300, 200)));
}

void a_step_is_limited_in_distance_and_size() {
  Tracker tracker = tracking();
  tracker.begin(kFrame, kWidth, kHeight);
  CHECK(tracker.keep(0.9F, square(900, 700, 900)));
  CHECK(tracker.roi().cx == 500 && tracker.roi().cy == 400);
  CHECK(std::fabs(tracker.roi().w - 260) < 1e-9);
}

void a_face_is_held_then_lost() {
  Tracker tracker = tracking();
  std::int64_t t = 0;
  for (int i = 0; i < 9; ++i) {
    tracker.begin(t += kFrame, kWidth, kHeight);
    tracker.miss();
    CHECK(tracker.has_face());
    CHECK(tracker.may_take({410, 300, 200, 0.9F}));
    CHECK(!tracker.may_take({900, 300, 200, 0.9F}));
  }
  tracker.begin(t += kFrame, kWidth, kHeight);
  tracker.miss();
  CHECK(!tracker.has_face());
  CHECK(tracker.may_take({900, 300, 200, 0.9F}));
  CHECK(tracker.has_body());
  tracker.begin(t += 900 * kMs, kWidth, kHeight);
  tracker.begin(t += 900 * kMs, kWidth, kHeight);
  CHECK(!tracker.has_body());
}

void the_same_driver_found_again_is_the_same_person() {
  Tracker tracker = tracking();
  const std::uint32_t person = tracker.person();
  tracker.begin(400 * kMs, kWidth, kHeight);
  tracker.miss();
  CHECK(!tracker.has_face());
  CHECK(tracker.take(0.9F, square(430, 310, 210)));
  CHECK(tracker.person() == person);
  tracker.begin(800 * kMs, kWidth, kHeight);
  tracker.miss();
  CHECK(tracker.take(0.9F, square(1000, 310, 210)));
  CHECK(tracker.person() != person);
}

void another_face_takes_over_only_when_better_twice() {
  Tracker tracker = tracking(Seat::kLeft);
  Candidates both;
  both.add({400, 300, 200, 0.9F});
  both.add({1100, 300, 200, 0.9F});
  tracker.begin(500 * kMs, kWidth, kHeight);
  CHECK(!tracker.check_due());
  tracker.begin(1000 * kMs, kWidth, kHeight);
  CHECK(tracker.check_due());
  CHECK(!tracker.check(both));
  CHECK(!tracker.check_due());
  tracker.begin(2000 * kMs, kWidth, kHeight);
  CHECK(tracker.check(both));
  CHECK(!tracker.has_face());
}

void a_slightly_better_face_does_not_take_over() {
  Tracker tracker = tracking();
  Candidates both;
  both.add({400, 300, 200, 0.8F});
  both.add({1100, 300, 230, 0.9F});
  for (std::int64_t t = 1; t < 6; ++t) {
    tracker.begin(t * 1000 * kMs, kWidth, kHeight);
    CHECK(!tracker.check(both));
  }
}

void a_stream_that_jumps_is_a_new_one() {
  for (const std::int64_t t : {-1 * kMs, 1200 * kMs}) {
    Tracker tracker = tracking();
    CHECK(!tracker.begin(t, kWidth, kHeight));
    CHECK(!tracker.has_face() && !tracker.has_body());
  }
  Tracker tracker = tracking();
  CHECK(tracker.begin(0, kWidth, kHeight));  // the same stamp twice is no jump
  CHECK(!tracker.begin(kFrame, kWidth, kHeight + 1));
}

int steps_in(std::int64_t period, int frames) {
  dms::Cadence cadence(dms::Cadence::kStepNs);
  int steps = 0;
  for (int i = 0; i < frames; ++i) steps += cadence.due(i * period);
  return steps;
}

void steps_come_at_fifteen_a_second_whatever_the_frame_rate() {
  for (const int rate : {5, 10, 15, 20, 24, 25, 30, 50, 60, 90, 120}) {
    const int steps = steps_in(1'000'000'000 / rate, 20 * rate);
    CHECK(steps >= 296 && steps <= 303);
  }
}

void a_jittering_camera_does_not_miss_steps() {
  check::Random random(5);
  dms::Cadence cadence(dms::Cadence::kStepNs);
  for (int i = 0; i < 600; ++i) {
    const auto jitter = static_cast<std::int64_t>(random.uniform(-1.5e6, 1.5e6));
    const int due = cadence.due(i * 33'333'333LL + jitter);
    if (i > 0) CHECK(due == (i % 2 == 0 ? 1 : 0));
  }
}

}  // namespace

int main() {
  a_peak_becomes_a_face_where_and_as_large_as_the_map_says();
  a_flat_map_gives_one_face_or_none();
  proposals_stay_sorted();
  the_driver_is_chosen_by_seat_then_by_size();
  a_print_on_the_drivers_shirt_is_not_a_nearer_driver();
  a_print_that_was_taken_for_the_driver_is_left_again();
  a_face_needs_more_to_come_than_to_stay();
  what_lies_where_a_lost_face_was_needs_as_much_as_a_new_one();
  a_doubtful_face_is_checked_soon();
  what_cannot_be_measured_is_no_face();
  a_step_is_limited_in_distance_and_size();
  a_face_is_held_then_lost();
  the_same_driver_found_again_is_the_same_person();
  another_face_takes_over_only_when_better_twice();
  a_slightly_better_face_does_not_take_over();
  a_stream_that_jumps_is_a_new_one();
  steps_come_at_fifteen_a_second_whatever_the_frame_rate();
  a_jittering_camera_does_not_miss_steps();
  return check::result();
}
