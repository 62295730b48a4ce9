// SPDX-License-Identifier: BSL-1.0
//
// Each byte of each file of a small closed database changed in turn: opening or reading it answers
// an error, or everything is as it was. Wrong data is never returned.
//
// Harmless are three kinds of bytes, and no others:
//   superblock               and its copy: the other one serves, and it is repaired
//   rest of a header block   bytes 72 to 4095 of a segment: written as zeros, read by nobody
//   alignment                up to 7 zeros behind a payload: outside of the checksum, and skipped
// and the text of LOCK, which only tells a second opener whom to wait for.
#include "../platform/scratch.hpp"

#include "../sanitized.hpp"

#include <mantis/store/store.hpp>

#include <array>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

using namespace mantis;

namespace {

struct in_memory : policies<with::platform<memory>> {};
struct on_disk : policies<> {};

using rows = std::map<std::string, std::string>;
using contents = std::map<std::string, rows>;  // by table

struct file_image {
    bytes name;
    bytes raw;
};

enum class region : std::uint8_t {
    superblock,
    segment_header,
    header_rest,
    record_header,
    payload,
    alignment,
    block_padding,
};
constexpr std::array<const char*, 7> region_names = {
    "superblock", "segment header", "rest of header block", "record header",
    "payload",    "alignment",      "block padding",
};
constexpr bool may_be_harmless(region of) {
    return of == region::superblock || of == region::header_rest || of == region::alignment;
}

struct outcome_count {
    std::uint64_t detected = 0;
    std::uint64_t harmless = 0;
};

// Three tables; rows that are put, changed, erased; segments of two commits each.
template <class Store>
void fill(Store& db) {
    for (const char* const name : {"accounts", "events", "empty"}) (void)db.table(name).value();
    auto accounts = db.table("accounts").value();
    auto events = db.table("events").value();
    for (int round = 0; round < 3; ++round) {
        auto tx = db.begin();
        for (int i = 0; i < 14; ++i) {
            const std::string number = std::to_string(i);
            if (round == 1 && i % 3 == 0) tx.erase(accounts, "account/" + number);
            else if (round == 0 || i % 2 == 0)
                tx.put(accounts, "account/" + number, std::to_string(100 * round + i));
            if (i % 4 == round)
                tx.put(events, std::to_string(round) + "/" + number,
                       std::string(static_cast<std::size_t>(i * 3), static_cast<char>('a' + i)));
        }
        CHECK(tx.commit());
    }
}

constexpr store_options small_segments(bool read_only = false) {
    store_options options;
    options.segment_bytes = 12 * KiB;
    options.read_only = read_only;
    return options;
}

//   Returns     false if opening or reading answered an error
template <class Store>
bool read_all(const result<Store>& opened, contents& found) {
    if (!opened) return false;
    auto& db = const_cast<Store&>(*opened);
    for (const table_info& info : db.tables()) {
        rows& into = found[info.name.template as<std::string>()];
        auto tx = db.begin(isolation::read_committed);
        auto walk = tx.scan(*db.find_table(info.name));
        while (true) {
            const auto more = walk.next();
            if (!more) return false;
            if (!*more) break;
            into[walk.key().template as<std::string>()] = walk.value().template as<std::string>();
        }
    }
    return true;
}

std::vector<file_image> files_of(const memory& world) {
    std::vector<file_image> files;
    auto from = world.open_directory("db", directory_mode::existing).value();
    for (const bytes& name : from.list().value())
        files.push_back({name, read_file(from, name, MiB).value()});
    return files;
}

memory restored(const std::vector<file_image>& files) {
    memory world;
    auto into = world.open_directory("db", directory_mode::create).value();
    for (const file_image& each : files)
        into.open(each.name, file_mode::create).value().write(0, each.raw).value();
    return world;
}

// What each byte of a file is.
std::vector<region> regions_of(const file_image& file) {
    if (file.name == bytes_view{superblock_name} || file.name == bytes_view{superblock_copy_name})
        return std::vector<region>(file.raw.size(), region::superblock);
    std::vector<region> map(file.raw.size(), region::block_padding);
    const auto mark = [&](std::uint64_t from, std::uint64_t count, region as) {
        for (std::uint64_t at = from; at < from + count; ++at)
            map[static_cast<std::size_t>(at)] = as;
    };
    mark(0, 72, region::segment_header);
    mark(72, segment_header_bytes - 72, region::header_rest);
    for (std::uint64_t at = segment_header_bytes; at < file.raw.size();) {
        const bytes_view rest = bytes_view{file.raw}.from(static_cast<std::size_t>(at));
        if (rest.size() < sizeof(log_record_header) || decode_record_header(rest).lsn == 0) {
            at = round_up(at + 1, log_block_bytes);
            continue;
        }
        const std::uint64_t payload = decode_record_header(rest).payload_bytes;
        const std::uint64_t whole = record_bytes(payload);
        mark(at, whole, region::alignment);
        mark(at, sizeof(log_record_header) + payload, region::payload);
        mark(at, sizeof(log_record_header), region::record_header);
        at += whole;
    }
    return map;
}

class sweep {
public:
    explicit sweep(bool read_only) : options_{small_segments(read_only)} {
        memory world;
        {
            auto db = store<in_memory>::open("db", options_of_writer, world).value();
            fill(db);
            db.close().value();
        }
        files_ = files_of(world);
        REQUIRE(read_all(store<in_memory>::open("db", options_, world), model_));
        REQUIRE(model_.size() == 3);
        REQUIRE(files_.size() == 5);  // the superblock, its copy and three segments
    }

    void run() {
        std::uint64_t drawn = 1;
        for (file_image& file : files_) {
            const std::vector<region> map = regions_of(file);
            for (std::size_t at = 0; at < file.raw.size(); ++at) {
                // Of the few bytes of alignment there must be some.
                if (at % (2 * one_in) != 0 && one_in != 1 && map[at] != region::alignment) continue;
                drawn = drawn * 6364136223846793005u + 1442695040888963407u;
                for (const int mask : {1 << (drawn >> 61), 0xff})
                    change(file, at, static_cast<std::byte>(mask), map[at]);
            }
        }
    }

    void report(const char* how) const {
        std::string table = how;
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            char line[100];
            std::snprintf(line, sizeof line, "\n%-22s %8llu detected %8llu harmless",
                          region_names[i], static_cast<unsigned long long>(counts_[i].detected),
                          static_cast<unsigned long long>(counts_[i].harmless));
            table += line;
        }
        MESSAGE(table);
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            CAPTURE(region_names[i]);
            const bool may = may_be_harmless(static_cast<region>(i));
            CHECK((may ? counts_[i].detected : counts_[i].harmless) == 0);
            CHECK(counts_[i].detected + counts_[i].harmless > 0);
            if (static_cast<region>(i) == region::superblock) CHECK(counts_[i].detected == 0);
        }
    }

private:
    static constexpr store_options options_of_writer = small_segments();

    void change(file_image& file, std::size_t at, std::byte mask, region where) {
        const std::byte whole = file.raw[at];
        file.raw[at] = whole ^ mask;
        contents found;
        const bool sound =
            read_all(store<in_memory>::open("db", options_, restored(files_)), found);
        file.raw[at] = whole;
        outcome_count& counted = counts_[static_cast<std::size_t>(where)];
        ++(sound ? counted.harmless : counted.detected);
        if (!sound || found == model_) return;
        const std::string name = file.name.as<std::string>();
        CAPTURE(name);
        CAPTURE(at);
        CAPTURE(static_cast<int>(mask));
        FAIL_CHECK("wrong data, and no error");
    }

    store_options options_;
    contents model_;
    std::vector<file_image> files_;
    std::array<outcome_count, region_names.size()> counts_ = {};
};

}  // namespace

TEST_CASE(
    "any byte of a closed database changed: an error, or all is as it was; never wrong data") {
    sweep each{false};
    each.run();
    each.report("opened to write:");
}

TEST_CASE("any byte changed and opened read-only: an error, or all is as it was") {
    sweep each{true};
    each.run();
    each.report("opened read-only:");
}

TEST_CASE("any byte of LOCK changed is no matter: what is locked is the file, not its text") {
    const platform_test::scratch_directory scratch;
    const std::string path = scratch.path("db");
    contents model;
    {
        auto db = store<on_disk>::open(path, small_segments()).value();
        fill(db);
        db.close().value();
    }
    REQUIRE(read_all(store<on_disk>::open(path), model));
    const std::string text = platform_test::text_of(path + "/LOCK");
    REQUIRE_FALSE(text.empty());
    for (std::size_t at = 0; at < text.size(); ++at) {
        std::string changed = text;
        changed[at] = static_cast<char>(~changed[at]);
        std::ofstream{path + "/LOCK", std::ios::binary} << changed;
        contents found;
        CHECK(read_all(store<on_disk>::open(path), found));
        CHECK(found == model);
    }
}
