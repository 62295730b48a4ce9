// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/atomic_replace.hpp>
#include <mantis/platform/memory.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/recovery/manifest_reader.hpp>

#include <optional>
#include <string>
#include <vector>

using namespace mantis;

namespace {

constexpr database_id ours{0x1122334455667788, 0x99aabbccddeeff00};
constexpr std::uint64_t salt = 7;
using reader_type = manifest_reader<memory, crc32c>;
using texts = std::vector<std::string>;

// A file made by hand, frame by frame.
struct made_file {
    bytes raw;
    std::uint64_t chain;
    std::vector<std::size_t> ends;  // of groups, the header's first

    explicit made_file(database_id of = ours, std::uint64_t of_salt = salt,
                       std::uint64_t generation = 1)
        : raw{encode_manifest_header({1, crc32c::format_id, of, generation, of_salt})},
          chain{load_le<std::uint64_t>(raw.data() + 4088)},
          ends{raw.size()} {}

    void frame(manifest_frame like, const texts& edits) {
        bytes one = bytes::zeros(manifest_frame_header_bytes);
        for (const std::string& each : edits)
            append_manifest_edit(one, manifest_edit_kind::table, each);
        like.offset = raw.size();
        like.salt = salt;
        like.epoch = like.sequence * 10;
        like.checkpoint = {like.sequence * 100};
        like.previous_checksum = chain;
        like.edits = static_cast<std::uint32_t>(edits.size());
        chain = seal_manifest_frame<crc32c>(one, like);
        raw.append(one);
    }
    void group(std::uint64_t sequence, const std::vector<texts>& frames,
               std::uint64_t attempt = 1) {
        for (std::uint32_t i = 0; i < frames.size(); ++i)
            frame({.attempt = attempt,
                   .sequence = sequence,
                   .number = i,
                   .last = i + 1 == frames.size(),
                   .snapshot = ends.size() == 1},
                  frames[i]);
        ends.push_back(raw.size());
    }
};

// Snapshot 5, then 6 in two frames, then 7 without edits, then 8.
made_file small_file() {
    made_file made;
    made.group(5, {{"map", "root"}});
    made.group(6, {{"one"}, {"two", "three"}});
    made.group(7, {{}});
    made.group(8, {{"last"}});
    return made;
}

struct reading {
    std::optional<error> refused;
    manifest_state state;
    texts edits;

    [[nodiscard]] bool is(error_code code) const { return refused && refused->code() == code; }
};

struct files {
    memory world;
    memory::directory in = world.open_directory("db", directory_mode::create).value();

    reading read(bytes_view raw, std::uint64_t generation = 1) {
        auto file = in.open(manifest_name(generation), file_mode::create).value();
        REQUIRE(file.resize(0));
        REQUIRE(file.write(0, raw));
        return read_again(generation);
    }
    reading read_again(std::uint64_t generation = 1) {
        reading found;
        auto reader = reader_type::open(in, generation, ours);
        if (!reader) {
            found.refused = reader.error();
            return found;
        }
        if (auto done = reader->verify(); !done) {
            found.refused = done.error();
            return found;
        }
        found.state = reader->state();
        const auto take = [&](const manifest_edit& edit) -> result<void> {
            CHECK(edit.epoch == edit.sequence * 10);
            CHECK(edit.checkpoint.value == edit.sequence * 100);
            CHECK(edit.snapshot == (edit.sequence == 5));
            found.edits.push_back(edit.value.as<std::string>());
            return success();
        };
        REQUIRE(reader->hand_out(take));
        return found;
    }
};

const texts all_edits{"map", "root", "one", "two", "three", "last"};

// The first `sequence` - 4 groups of the small file, and nothing else.
void check_begins(const reading& found, std::uint64_t sequence) {
    const std::size_t counts[] = {2, 5, 5, 6};
    REQUIRE_FALSE(found.refused);
    CHECK(found.state.sequence == sequence);
    const texts expected{all_edits.begin(),
                         all_edits.begin() + static_cast<std::ptrdiff_t>(counts[sequence - 5])};
    CHECK(found.edits == expected);
}

}  // namespace

TEST_CASE("what is whole is handed out in order, and the state is that of the last group") {
    files at;
    const made_file made = small_file();
    const reading found = at.read(made.raw);
    check_begins(found, 8);
    CHECK(found.state.generation == 1);
    CHECK(found.state.epoch == 80);
    CHECK(found.state.checkpoint == lsn{800});
    CHECK(found.state.bytes == made.raw.size());
    CHECK(found.state.snapshot_bytes == 8192);
    CHECK(found.state.torn_bytes == 0);
}

TEST_CASE("any byte damaged: corrupt, or in the last group a torn tail; never another edit") {
    files at;
    const made_file made = small_file();
    for (std::size_t i = 0; i < made.raw.size(); ++i) {
        CAPTURE(i);
        bytes changed = made.raw;
        changed[i] ^= std::byte{1} << static_cast<int>(i % 8);
        const reading found = at.read(changed);
        if (i >= made.ends[3]) {
            check_begins(found, 7);
            CHECK(found.state.bytes == made.ends[3]);
            CHECK(found.state.torn_bytes == made.raw.size() - made.ends[3]);
            continue;
        }
        REQUIRE(found.is(error_code::corrupt));
        REQUIRE(found.refused->subject() == manifest_name(1).view());
        REQUIRE(found.refused->number("offset") != nullptr);
        if (i < 4096) continue;
        const std::uint64_t sequence = i < made.ends[1] ? 1 : i < made.ends[2] ? 6 : 7;
        CHECK(*found.refused->number("offset") == i / 4096 * 4096);
        CHECK(*found.refused->number("sequence") == sequence);
    }
}

TEST_CASE(
    "cut at any length: the whole groups are there, the rest is torn; no snapshot is damage") {
    files at;
    const made_file made = small_file();
    for (std::size_t size = 0; size < made.raw.size(); ++size) {
        CAPTURE(size);
        const reading found = at.read(made.raw.view().first(size));
        if (size < made.ends[1]) {
            REQUIRE(found.is(error_code::corrupt));
            continue;
        }
        std::uint64_t sequence = 5;
        while (size >= made.ends[sequence - 3]) ++sequence;
        check_begins(found, sequence);
        CHECK(found.state.torn_bytes == size - made.ends[sequence - 4]);
    }
}

TEST_CASE("zeros, noise and frames of another file behind the last group are a torn tail") {
    files at;
    const made_file made = small_file();
    made_file foreign{ours, salt + 1};
    bytes noise = bytes::zeros(3000);
    for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<std::byte>(i * 7 + 1);
    // As a file that was recycled for this one might have it: of the place, not of the salt.
    made_file recycled = small_file();
    recycled.group(9, {{"old"}});
    recycled.group(10, {{"old"}});
    bytes old{recycled.raw.view().from(made.raw.size())};
    for (std::size_t frame = 0; frame < old.size(); frame += 4096) {
        store_le(old.data() + frame + 16, salt + 1);
        store_le(old.data() + frame, crc32c::of(old.view().part(frame + 8, 4088)));
    }
    const bytes one_zero = bytes::zeros(1);
    const bytes many_zeros = bytes::zeros(70'000);
    const bytes* const tails[] = {&one_zero, &many_zeros, &noise, &old, &foreign.raw};
    for (const bytes* const behind : tails) {
        bytes raw = made.raw;
        raw.append(*behind);
        const reading found = at.read(raw);
        check_begins(found, 8);
        CHECK(found.state.torn_bytes == behind->size());
    }
}

TEST_CASE("a frame of a later group, or one that follows another last group, proves damage") {
    files at;
    made_file made = small_file();
    // Group 8 lies elsewhere, or is gone; group 9 is there.
    made.group(9, {{"nine"}});
    for (const bool zeros : {false, true}) {
        bytes raw = made.raw;
        if (zeros) std::memset(raw.data() + made.ends[3], 0, 4096);
        else std::memcpy(raw.data() + made.ends[3], raw.data() + made.ends[4], 4096);
        const reading found = at.read(raw);
        REQUIRE(found.is(error_code::corrupt));
        CHECK(*found.refused->number("offset") == made.ends[3]);
        CHECK(*found.refused->number("sequence") == 8);
        CHECK(*found.refused->number("begun") == 9);
    }
    // Group 8 is that of an earlier attempt, whole; group 9 followed the later one.
    made_file stale = made_file{};
    stale.group(5, {{"map", "root"}});
    stale.group(6, {{"one"}, {"two", "three"}});
    stale.group(7, {{}});
    stale.group(8, {{"stale"}}, 2);
    bytes raw = made.raw;
    std::memcpy(raw.data() + made.ends[3], stale.raw.data() + made.ends[3], 4096);
    const reading found = at.read(raw);
    REQUIRE(found.is(error_code::corrupt));
    CHECK(*found.refused->number("offset") == made.ends[4]);
}

TEST_CASE("parts of two attempts to append one group never make a group") {
    files at;
    made_file first = small_file();
    made_file second = small_file();
    first.group(9, {{"same"}, {"first"}}, 1);
    second.group(9, {{"same"}, {"second"}}, 2);
    bytes raw = second.raw;
    const std::size_t half = first.ends[4] + 4096;
    std::memcpy(raw.data() + half, first.raw.data() + half, 4096);
    const reading found = at.read(raw);
    check_begins(found, 8);
    CHECK(found.state.torn_bytes == 8192);
}

TEST_CASE("frames of one group in another order, twice, or without the first are none") {
    files at;
    const auto torn = [&](const std::vector<std::uint32_t>& numbers, bool last_snapshot = false) {
        made_file made = small_file();
        for (std::size_t i = 0; i < numbers.size(); ++i)
            made.frame({.attempt = 1,
                        .sequence = 9,
                        .number = numbers[i],
                        .last = i + 1 == numbers.size(),
                        .snapshot = last_snapshot},
                       {"x"});
        const reading found = at.read(made.raw);
        return !found.refused && found.state.sequence == 8 && found.edits == all_edits;
    };
    CHECK_FALSE(torn({0}));
    CHECK_FALSE(torn({0, 1, 2}));
    CHECK(torn({1}));
    CHECK(torn({0, 0}));
    CHECK(torn({0, 2}));
    CHECK(torn({1, 0}));
    CHECK(torn({0}, true));
    // Frames of one group say the same of it.
    for (int field = 0; field < 4; ++field) {
        made_file made = small_file();
        made.frame({.attempt = 1, .sequence = 9, .number = 0}, {"x"});
        manifest_frame other{.attempt = 1, .sequence = 9, .number = 1, .last = true};
        if (field == 1) other.attempt = 2;
        if (field == 2) other.sequence = 8;
        if (field == 3) other.snapshot = true;
        made.frame(other, {"y"});
        CHECK(at.read(made.raw).state.sequence == (field == 0 ? 9 : 8));
    }
}

TEST_CASE(
    "another database's, a newer version, other checksums, another generation are told apart") {
    files at;
    made_file foreign{{1, 2}};
    foreign.group(5, {{"x"}});
    CHECK(at.read(foreign.raw).is(error_code::mismatch));
    bytes newer = small_file().raw;
    store_le(newer.data() + 8, std::uint32_t{2});
    store_le(newer.data() + 4088, crc32c::of(newer.view().first(4088)));
    const reading found = at.read(newer);
    REQUIRE(found.is(error_code::mismatch));
    CHECK(*found.refused->number("version") == 2);
    CHECK(*found.refused->number("supported") == 1);
    using other = manifest_reader<memory, xxh3>;
    (void)at.read(small_file().raw);
    CHECK(other::open(at.in, 1, ours).error().code() == error_code::mismatch);
    CHECK(at.read(small_file().raw, 2).is(error_code::corrupt));
    CHECK(reader_type::open(at.in, 3, ours).error().code() == error_code::not_found);
}

TEST_CASE("a manifest that is read wrong once is whole") {
    const made_file made = small_file();
    for (const fault_kind kind : {fault_kind::flip_on_read, fault_kind::stale_read}) {
        std::uint64_t struck = 0;
        for (std::uint64_t seed = 1; seed <= 60; ++seed) {
            CAPTURE(seed);
            simulation world{seed};
            world.run([&] {
                auto in = world.platform().open_directory("db", directory_mode::create).value();
                auto file = in.open(manifest_name(1), file_mode::create).value();
                REQUIRE(file.write(0, bytes::zeros(made.raw.size())));
                REQUIRE(file.write(0, made.raw));
                world.inject({.kind = kind, .nth = 1 + seed % 4});
                auto reader = manifest_reader<simulated, crc32c>::open(in, 1, ours);
                REQUIRE(reader);
                REQUIRE(reader->verify());
                CHECK(reader->state().sequence == 8);
                texts edits;
                REQUIRE(reader->hand_out([&](const manifest_edit& edit) -> result<void> {
                    edits.push_back(edit.value.as<std::string>());
                    return success();
                }));
                CHECK(edits == all_edits);
                struck += world.struck(kind);
            });
        }
        CHECK(struck > 10);
    }
}

TEST_CASE("a manifest that reads differently each time is neither torn nor damaged: io") {
    const made_file made = small_file();
    std::uint64_t io_errors = 0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        CAPTURE(seed);
        simulation world{seed};
        world.run([&] {
            auto in = world.platform().open_directory("db", directory_mode::create).value();
            auto file = in.open(manifest_name(1), file_mode::create).value();
            REQUIRE(file.write(0, made.raw));
            world.inject({.kind = fault_kind::flip_on_read,
                          .one_in = 1 + seed % 2,
                          .count = fault::for_ever,
                          .first_byte = made.ends[3]});
            auto reader = manifest_reader<simulated, crc32c>::open(in, 1, ours).value();
            if (const auto done = reader.verify(); !done) {
                CHECK(done.error().code() == error_code::io);
                ++io_errors;
                return;
            }
            CHECK(reader.state().sequence == 8);
            texts edits;
            const auto handed = reader.hand_out([&](const manifest_edit& edit) -> result<void> {
                edits.push_back(edit.value.as<std::string>());
                return success();
            });
            CHECK(std::equal(edits.begin(), edits.end(), all_edits.begin()));
            if (!handed) CHECK(handed.error().code() == error_code::io);
        });
    }
    CHECK(io_errors > 20);
}

TEST_CASE("the error of whoever takes the edits ends it") {
    files at;
    REQUIRE_FALSE(at.read(small_file().raw).refused);
    auto reader = reader_type::open(at.in, 1, ours).value();
    REQUIRE(reader.verify());
    int taken = 0;
    const auto done = reader.hand_out([&](const manifest_edit&) -> result<void> {
        if (++taken == 4) return error{error_code::conflict, "test"};
        return success();
    });
    CHECK(done.error().code() == error_code::conflict);
    CHECK(taken == 4);
}
