#include "ort_api.hpp"

#include <cstring>

namespace dms::ort_api {
namespace {

/// Reads the function pointer at `position`; the table's entries are all of one size.
template <typename Function>
void take(Function& out, const void* table, std::size_t position) {
  static_assert(sizeof(Function) == sizeof(void*));
  std::memcpy(&out, static_cast<const char*>(table) + position * sizeof(void*), sizeof(out));
}

void load_session_calls(Calls& calls, const void* table) {
  take(calls.create_session_from_array, table, 8);
  take(calls.create_session_options, table, 10);
  take(calls.set_execution_mode, table, 13);
  take(calls.set_log_severity, table, 22);
  take(calls.set_optimisation_level, table, 23);
  take(calls.set_intra_op_threads, table, 24);
  take(calls.set_inter_op_threads, table, 25);
  take(calls.input_count, table, 30);
  take(calls.output_count, table, 31);
  take(calls.input_type, table, 33);
  take(calls.output_type, table, 34);
  take(calls.input_name, table, 36);
  take(calls.output_name, table, 37);
  take(calls.add_config_entry, table, 130);
}

void load_tensor_calls(Calls& calls, const void* table) {
  take(calls.create_tensor, table, 49);
  take(calls.cast_to_tensor_info, table, 55);
  take(calls.element_type, table, 60);
  take(calls.dimension_count, table, 61);
  take(calls.dimensions, table, 62);
  take(calls.create_cpu_memory_info, table, 69);
  take(calls.allocator_free, table, 76);
  take(calls.default_allocator, table, 78);
}

void load_release_calls(Calls& calls, const void* table) {
  take(calls.release_env, table, 92);
  take(calls.release_status, table, 93);
  take(calls.release_memory_info, table, 94);
  take(calls.release_session, table, 95);
  take(calls.release_value, table, 96);
  take(calls.release_type_info, table, 98);
  take(calls.release_session_options, table, 100);
  take(calls.release_io_binding, table, 135);
}

void load_binding_calls(Calls& calls, const void* table) {
  take(calls.run_with_binding, table, 133);
  take(calls.create_io_binding, table, 134);
  take(calls.bind_input, table, 136);
  take(calls.bind_output, table, 137);
}

}  // namespace

Calls load(const void* table) {
  Calls calls{};
  take(calls.get_error_message, table, 2);
  take(calls.create_env, table, 3);
  take(calls.disable_telemetry_events, table, 6);
  load_session_calls(calls, table);
  load_tensor_calls(calls, table);
  load_release_calls(calls, table);
  load_binding_calls(calls, table);
  return calls;
}

}  // namespace dms::ort_api
