// SPDX-License-Identifier: BSL-1.0
// Any bytes as a log: whoever reads it must end, hand out no record that the writer could not have
// written, and read the same through any window.
//
// The first byte says what to feed: the whole segment, what follows a valid segment header, or the
// same with each record's checksum made right, so that the fuzzer gets behind it; whether the input
// is cut into two segments, or three; and what their headers say: that of version 1, or of version
// 2 behind a turn, with and without a sync. The second byte chooses the size of the window, the
// third where to read from.
#include <mantis/platform/memory.hpp>
#include <mantis/recovery/engine.hpp>
#include <mantis/recovery/superblock.hpp>
#include <mantis/wal/follower.hpp>
#include <mantis/wal/log_check.hpp>

using namespace mantis;

namespace {

constexpr database_id ours{1, 2};
constexpr std::uint32_t salt = 7;

struct any_target {
    [[nodiscard]] lsn persisted_lsn() const { return {}; }
    result<void> redo(lsn, const operation& op) {
        return op.key.size() + op.value.size() > (std::size_t{1} << 30)
                   ? result<void>{error{error_code::too_large, "fuzz"}}
                   : success();
    }
    result<void> verify() { return success(); }
};

// What one way of reading found.
struct story {
    std::vector<log_record> records;  // without their payloads
    std::vector<std::uint64_t> payloads;
    lsn end;
    log_finding finding = log_finding::sound;

    void add(const log_record& record) {
        payloads.push_back(xxh3::of(record.payload));
        records.push_back(record);
        records.back().payload = {};
    }
};

//   Returns     the chain after the last record; records that follow begin at `next`
std::uint32_t make_checksums_right(bytes& raw, lsn first, std::uint32_t previous,
                                   std::uint64_t& next) {
    std::uint64_t durable = 0;
    std::uint64_t at = segment_header_bytes;
    while (at + sizeof(log_record_header) <= raw.size()) {
        std::byte* const record = raw.data() + at;
        const std::uint64_t left = raw.size() - at - sizeof(log_record_header);
        // As after a sync: the block is left, and what comes is proof of what was before.
        if (at % log_block_bytes != 0 && (std::to_integer<unsigned>(record[47]) & 3) == 3) {
            durable = first.value + at - segment_header_bytes;
            const std::uint64_t block = round_up(at, log_block_bytes);
            const std::uint64_t stop = block < raw.size() ? block : raw.size();
            std::memset(record, 0, static_cast<std::size_t>(stop - at));
            at = stop;
            continue;
        }
        const std::uint64_t payload = load_le<std::uint32_t>(record + 32) % (left + 1);
        store_le(record + 8, first.value + at - segment_header_bytes);
        store_le(record + 24, durable);
        store_le(record + 32, static_cast<std::uint32_t>(payload));
        store_le(record + 36, salt);
        store_le(record + 40, previous);
        record[44] = static_cast<std::byte>(1 + (std::to_integer<unsigned>(record[44]) & 1));
        std::memset(record + 45, 0, 3);
        const std::uint64_t checksum = crc32c::of(
            {record + 8, static_cast<std::size_t>(sizeof(log_record_header) - 8 + payload)});
        store_le(record, checksum);
        previous = static_cast<std::uint32_t>(checksum);
        at += record_bytes(payload);
        next = first.value + at - segment_header_bytes;
    }
    return previous;
}

void write_segment(memory::directory& in, lsn first, const bytes& raw) {
    in.open(segment_name(first), file_mode::create).value().write(0, raw).value();
}

// One to three segments of the input.
void make_log(memory::directory& in, unsigned mode, bytes_view input) {
    const std::size_t count = (mode & 4) == 0 ? 1 : (mode & 32) == 0 ? 2 : 3;
    segment_header header{1, crc32c::format_id, ours, first_lsn_of_log, salt, 0, {}, {}};
    if ((mode & 24) != 0) header.version = segment_version;
    lsn& first = header.first;
    std::uint32_t& previous = header.previous_checksum;
    for (std::size_t at = 0; at < count; ++at) {
        const std::size_t begin = input.size() / count * at;
        const std::size_t end = at + 1 == count ? input.size() : input.size() / count * (at + 1);
        bytes raw;
        if (mode % 4 != 0) raw = encode_segment_header(header);
        raw.append(input.part(begin, end - begin));
        std::uint64_t next = first.value;
        if (mode % 4 >= 2) previous = make_checksums_right(raw, first, previous, next);
        write_segment(in, first, raw);
        if ((mode & 8) != 0) header.before = first;
        header.durable = {(mode & 16) != 0 ? next : first.value};
        first = {round_up(next > first.value ? next : first.value + 1, log_block_bytes)};
    }
}

story read(memory::directory& in, lsn from, std::size_t window_bytes) {
    story told;
    auto reader = log_reader<memory, crc32c>::open(in, ours, from, window_bytes);
    if (!reader) return told;
    log_record record;
    auto more = reader->next(record);
    for (; more && *more; more = reader->next(record)) told.add(record);
    if (more) (void)reader->doubtful_records();
    told.end = reader->end().end;
    told.finding = reader->finding();
    return told;
}

void same(const story& a, const story& b, std::size_t skipped) {
    check(a.payloads.size() - skipped == b.payloads.size(), "fuzz: a record is missing");
    for (std::size_t i = 0; i < b.payloads.size(); ++i) {
        check(a.payloads[i + skipped] == b.payloads[i], "fuzz: a payload differs");
        check(a.records[i + skipped].position == b.records[i].position, "fuzz: a place differs");
    }
}

// The follower gets what the reader got, in steps, and then says that nothing is left.
void follow(memory::directory& in, const story& whole, std::size_t window_bytes) {
    log_follower<memory, crc32c> from{in, ours, first_lsn_of_log, window_bytes};
    story told;
    log_record record;
    for (std::size_t i = 0; i < whole.records.size(); i += 2) {
        const lsn durable = whole.records[i].end;
        while (from.next(record, durable).value()) told.add(record);
        check(told.records.back().end == durable, "fuzz: a durable record is kept back");
    }
    if (whole.records.empty()) return;
    while (from.next(record, whole.records.back().end).value()) told.add(record);
    same(whole, told, 0);
    // A lie: nothing is there. It must be told, or end.
    (void)from.next(record, {whole.end.value + 100'000});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 3) return 0;
    const bytes_view input{reinterpret_cast<const std::byte*>(data) + 3, size - 3};
    (void)decode_superblock(input);
    memory world;
    auto in = world.open_directory("log", directory_mode::create).value();
    make_log(in, data[0], input);

    const std::size_t window_bytes = std::size_t{1} << (data[1] % 16);
    const story whole = read(in, {}, detail::log_window_bytes);
    const story seen = read(in, {}, window_bytes);
    same(whole, seen, 0);
    check(whole.finding == seen.finding && whole.end == seen.end, "fuzz: the window matters");
    if (!whole.records.empty()) {
        const std::size_t skipped = data[2] % whole.records.size();
        const story rest = read(in, whole.records[skipped].position, window_bytes);
        same(whole, rest, skipped);
        check(rest.finding == whole.finding, "fuzz: where to begin matters");
    }
    (void)read(in, {first_lsn_of_log.value + data[2]}, window_bytes);
    follow(in, whole, window_bytes);
    const auto diagnosis =
        verify_log<memory, crc32c>(in, {.database = ours, .begin = {}, .reaches = {}});
    check(diagnosis && diagnosis->kind == whole.finding, "fuzz: the diagnosis differs");
    check(diagnosis->records == whole.records.size(), "fuzz: a record is not counted");

    any_target target;
    using engine = recovery_engine<log_reader<memory, crc32c>, any_target>;
    engine::options chosen;
    chosen.threads = data[1] / 16 == 15 ? 2 : 1;  // seldom: it takes its time
    if (!engine{world, in, ours, target}.run(chosen)) return 0;
    const story kept = read(in, {}, window_bytes);
    check(kept.finding == log_finding::sound, "fuzz: a log that was recovered is not sound");
    same(whole, kept, 0);
    return 0;
}
