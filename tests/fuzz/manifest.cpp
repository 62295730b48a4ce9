// SPDX-License-Identifier: BSL-1.0
// Any bytes as a manifest, or as two generations of one: whoever opens it must end, hand out only
// edits of frames that fit their checksum, place, file and predecessor, in groups that are whole,
// in memory that does not grow with the file; and what it opened it can append to.
//
// The first byte says what to feed: the whole file, what follows a valid header, or the same with
// each frame made right, so that the fuzzer gets behind the checksums; whether there are two files,
// and where the input is cut for that; the second byte is `at_least`.
#include <mantis/platform/atomic_replace.hpp>
#include <mantis/platform/memory.hpp>
#include <mantis/recovery/manifest.hpp>

using namespace mantis;

namespace {

constexpr database_id ours{1, 2};
constexpr std::uint64_t salt = 7;

// Frames of what is there, as the input says, but with all that vouches for them. A frame whose
// attempt's highest bit is set keeps its own order; the others follow the one before.
void make_frames_right(bytes& raw) {
    std::uint64_t chain = load_le<std::uint64_t>(raw.data() + 4088);
    std::uint64_t sequence = 0;
    std::uint32_t number = 0;
    std::size_t at = manifest_header_bytes;
    while (raw.size() - at >= manifest_block_bytes) {
        std::byte* const frame = raw.data() + at;
        const std::uint64_t left = raw.size() - at - manifest_frame_header_bytes;
        std::uint64_t payload = load_le<std::uint32_t>(frame + 64) % 2000 % (left + 1);
        while (manifest_frame_bytes(payload) > raw.size() - at) --payload;
        store_le(frame + 8, std::uint64_t{at});
        store_le(frame + 16, salt);
        store_le(frame + 64, static_cast<std::uint32_t>(payload));
        frame[76] &= std::byte{1};
        frame[78] = frame[79] = std::byte{0};
        if ((frame[31] & std::byte{0x80}) == std::byte{0}) {
            const bool first = at == manifest_header_bytes || (sequence == 1 && number != 0);
            if (number == 0) ++sequence;
            store_le(frame + 24, std::uint64_t{1});
            store_le(frame + 32, sequence);
            store_le(frame + 40, std::uint64_t{1});
            store_le(frame + 48, std::uint64_t{1});
            store_le(frame + 56, chain);
            store_le(frame + 72, number);
            frame[77] = std::byte{first};
            number = frame[76] == std::byte{1} ? 0 : number + 1;
        }
        const auto size = static_cast<std::size_t>(manifest_frame_bytes(payload));
        chain = crc32c::of({frame + 8, size - 8});
        store_le(frame, chain);
        at += size;
    }
}

bytes made_file(bytes_view input, unsigned mode, std::uint64_t generation) {
    if (mode % 4 == 0) return bytes{input};
    bytes raw = encode_manifest_header({1, crc32c::format_id, ours, generation, salt});
    raw.append(input);
    if (mode % 4 >= 2) make_frames_right(raw);
    return raw;
}

// The edits of a file by the format's own words, as far as they are whole groups from the start.
bytes edits_of(const bytes& raw) {
    bytes all;
    bytes group;
    std::uint64_t chain = load_le<std::uint64_t>(raw.data() + 4088);
    const std::uint64_t own_salt = load_le<std::uint64_t>(raw.data() + 40);
    std::uint64_t sequence = 0;
    std::optional<manifest_frame> before;
    for (std::size_t at = manifest_header_bytes; raw.size() - at >= manifest_block_bytes;) {
        const bytes_view rest = raw.view().from(at);
        const std::uint64_t size = manifest_frame_here(rest, at, own_salt);
        if (size == 0 || size > rest.size()) break;
        const auto frame =
            decode_manifest_frame<crc32c>(rest.first(static_cast<std::size_t>(size)));
        if (!frame || frame->previous_checksum != chain) break;
        const bool first = !before || before->last;
        if (frame->number != (first ? 0 : before->number + 1)) break;
        if (first && frame->snapshot != (sequence == 0)) break;
        if (first && (sequence == 0 ? frame->sequence == 0 : frame->sequence != sequence + 1))
            break;
        if (!first &&
            (frame->sequence != before->sequence || frame->epoch != before->epoch ||
             frame->attempt != before->attempt || frame->checkpoint != before->checkpoint ||
             frame->snapshot != before->snapshot))
            break;
        group.append(frame->payload);
        if (frame->last) {
            sequence = frame->sequence;
            all.append(group);
            group.clear();
        }
        chain = frame->checksum;
        before = frame;
        at += static_cast<std::size_t>(size);
    }
    return all;
}

struct told {
    bytes edits;
    std::uint64_t sequence = 0;

    auto taking() {
        edits.clear();
        return [this](const manifest_edit& edit) -> result<void> {
            check(edit.sequence >= sequence, "fuzz: groups go back");
            sequence = edit.sequence;
            append_manifest_edit(edits, edit.kind, edit.value);
            return success();
        };
    }
};

// What was opened takes another group, and a rewriting.
void go_on(memory& world, memory::directory& in, const told& found, const manifest_state& state) {
    told again;
    auto opened = manifest<memory, crc32c>::open(world, in, ours, state.sequence, again.taking());
    check(opened && again.edits == found.edits, "fuzz: opening tells something else than reading");
    check(opened->sequence() == state.sequence, "fuzz: another sequence");
    check(in.list().value().size() == 1, "fuzz: something is left over");
    const auto add = [](auto& to) { return to.add(manifest_edit_kind::root, "more"); };
    if (state.sequence < ~std::uint64_t{0} - 1) opened->append(9, {9}, add).value();
    told more;
    auto read = read_manifest<memory, crc32c>(in, ours, opened->sequence(), more.taking());
    check(read && read->torn_bytes == 0, "fuzz: what was appended is torn");
    check(more.edits.view().starts_with(found.edits), "fuzz: edits are lost");
    if (opened->state().generation < manifest_max_generation) opened->rewrite(add).value();
    check(read_manifest<memory, crc32c>(in, ours, opened->sequence(), more.taking()).has_value(),
          "fuzz: what was rewritten is not there");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 3) return 0;
    const bytes_view input{reinterpret_cast<const std::byte*>(data) + 3, size - 3};
    (void)decode_manifest_header(input);
    const unsigned mode = data[0];
    memory world;
    auto in = world.open_directory("db", directory_mode::create).value();
    const std::size_t cut = (mode & 4) == 0 ? 0 : input.size() * data[2] / 256;
    const bytes newer = made_file(input.from(cut), mode, 2);
    const bytes older = made_file(input.first(cut), mode / 8, 1);
    in.open(manifest_name(2), file_mode::create).value().write(0, newer).value();
    if ((mode & 4) != 0)
        in.open(manifest_name(1), file_mode::create).value().write(0, older).value();

    told found;
    const auto state = read_manifest<memory, crc32c>(in, ours, data[1], found.taking());
    check(read_file(in, manifest_name(2), 64 * MiB).value() == newer, "fuzz: reading changes it");
    if (!state) {
        const error_code why = state.error().code();
        check(why == error_code::corrupt || why == error_code::mismatch,
              "fuzz: an error that is none");
        check(found.edits.empty(), "fuzz: edits of a manifest that is refused");
        return 0;
    }
    check(state->sequence >= data[1], "fuzz: less than is known to be durable");
    check(found.edits == edits_of(state->generation == 2 ? newer : older),
          "fuzz: other edits than those of whole groups");
    check(state->sequence != 0 && state->bytes >= manifest_header_bytes, "fuzz: no snapshot");
    go_on(world, in, found, *state);
    return 0;
}
