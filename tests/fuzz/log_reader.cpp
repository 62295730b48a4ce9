// SPDX-License-Identifier: BSL-1.0
// Any bytes as a log: the reader must end, and hand out no record that the writer could not have
// written.
//
// The first byte says what to feed: the whole segment, what follows a valid segment header, or the
// same with each record's checksum made right, so that the fuzzer gets behind it.
#include <mantis/platform/memory.hpp>
#include <mantis/recovery/engine.hpp>
#include <mantis/recovery/superblock.hpp>

using namespace mantis;

namespace {

struct any_target {
    result<void> redo(const operation& op, lsn) {
        return op.key.size() + op.value.size() > (std::size_t{1} << 30)
                   ? result<void>{error{error_code::too_large, "fuzz"}}
                   : success();
    }
};

void make_checksums_right(bytes& raw) {
    std::size_t at = segment_header_bytes;
    std::uint32_t previous = 0;
    while (at + sizeof(log_record_header) <= raw.size()) {
        const std::size_t left = raw.size() - at - sizeof(log_record_header);
        const std::size_t payload = load_le<std::uint32_t>(raw.data() + at + 32) % (left + 1);
        store_le(raw.data() + at + 8, std::uint64_t{at});
        store_le(raw.data() + at + 24, std::uint64_t{0});
        store_le(raw.data() + at + 32, static_cast<std::uint32_t>(payload));
        store_le(raw.data() + at + 36, std::uint32_t{7});
        store_le(raw.data() + at + 40, previous);
        std::memset(raw.data() + at + 45, 0, 3);
        const std::uint64_t checksum =
            crc32c::of({raw.data() + at + 8, sizeof(log_record_header) - 8 + payload});
        store_le(raw.data() + at, checksum);
        previous = static_cast<std::uint32_t>(checksum);
        at += record_bytes(payload);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const bytes_view input{reinterpret_cast<const std::byte*>(data) + 1, size - 1};
    (void)decode_superblock(input);
    bytes raw;
    if (data[0] % 3 != 0)
        raw = encode_segment_header({1, crc32c::format_id, {1, 2}, first_lsn_of_log, 7, 0});
    raw.append(input);
    if (data[0] % 3 == 2) make_checksums_right(raw);

    memory world;
    auto directory = world.open_directory("log", directory_mode::create).value();
    directory.open(segment_name(first_lsn_of_log), file_mode::create).value().write(0, raw).value();
    any_target target;
    (void)recovery_engine<memory, crc32c>{world, directory, {1, 2}}.run(target, {});
    return 0;
}
