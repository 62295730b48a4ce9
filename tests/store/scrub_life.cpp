// SPDX-License-Identifier: BSL-1.0
//
// Scrubbing beside a store that lives, in the simulator: rot is found, nothing else is, and closing
// waits for nobody.
#include "crash_run.hpp"

#include <string>
#include <vector>

using namespace mantis;
using crash_test::dice;

namespace {

using store_type = store<crash_test::app<group_commit>>;

std::uint64_t seeds(std::uint64_t usual) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return usual / 20;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return usual / 20;
#else
    return usual;
#endif
#else
    return usual;
#endif
}

// A thread that commits until it is told to stop, or cannot.
struct committer {
    store_type* db;
    store_type::table_handle table;
    dice roll;
    int most;

    void operator()() {
        for (int i = 0; i < most; ++i) {
            auto tx = db->begin(isolation::read_committed);
            tx.put(table, std::to_string(roll(20)),
                   std::string(static_cast<std::size_t>(1 + roll(3000)), 'v'));
            if (!tx.commit()) return;
        }
    }
};

store_options scrubbing_all_the_time(dice& roll) {
    store_options options;
    options.segment_bytes = 8 * KiB << roll(3);
    options.scrub_bytes_per_second = roll(3) == 0 ? 0 : MiB << roll(10);
    options.scrub_period = microseconds(static_cast<std::int64_t>(1 + roll(2000)));
    return options;
}

// One bit of a file that is turned while the store is open.
struct turned_bit {
    bytes file;
    std::uint64_t offset = 0;
};

class rotting_store {
public:
    explicit rotting_store(std::uint64_t seed)
        : world_{seed, {.scheduling = drawn_schedule(seed)}}, roll_{seed * 2 + 1} {}

    void run() {
        world_.run([this] {
            auto options = scrubbing_all_the_time(roll_);
            auto db = store_type::open("db", options, world_.platform()).value();
            auto table = db.table("t").value();
            auto in = world_.platform().open_directory("db", directory_mode::existing).value();
            committer{&db, table, {roll_(1000)}, 3}();
            std::vector<simulated::thread> threads;
            threads.emplace_back(committer{&db, table, {roll_(1000)}, 12});
            for (int round = 0; round < 2; ++round) {
                const lsn durable = db.stats().durable;
                const auto turned = turn_a_bit(in, durable);
                const scrub_report report = db.scrub().value();
                REQUIRE(report.complete);
                if (turned) judge(*turned, report);
                if (turned && (is_repaired(*turned) || roll_(2) == 0)) continue;
                if (turned) turn(in, *turned);  // back: rot upon rot is another test
            }
            for (auto& each : threads) each.join();
            CHECK(db.close());
        });
    }
    static inline std::uint64_t found = 0;
    static inline std::uint64_t harmless = 0;
    static inline std::uint64_t repaired = 0;

private:
    static bool is_repaired(const turned_bit& at) {
        return at.file == bytes_view{superblock_name} ||
               at.file == bytes_view{superblock_copy_name};
    }

    // Somewhere in what is durable: what lies behind is not written, or written again.
    std::optional<turned_bit> turn_a_bit(simulated::directory& in, lsn durable) {
        auto names = in.list().value();
        std::vector<turned_bit> may;
        for (const bytes& name : names) {
            lsn first;
            if (name == bytes_view{superblock_name} || name == bytes_view{superblock_copy_name})
                may.push_back({bytes{name}, roll_(superblock_bytes)});
            if (!parse_segment_name(name, first) || first >= durable) continue;
            std::uint64_t end = segment_header_bytes + durable.value - first.value;
            for (const bytes& other : names)
                if (lsn next; parse_segment_name(other, next) && next > first && next <= durable &&
                              segment_header_bytes + next.value - first.value < end)
                    end = segment_header_bytes + next.value - first.value;
            const std::uint64_t size = in.open(name, file_mode::read).value().size().value();
            if (size < end) end = size;
            may.push_back({bytes{name}, roll_(4) == 0 ? roll_(segment_header_bytes) : roll_(end)});
        }
        turned_bit chosen = may[roll_(may.size())];
        if (roll_(3) != 0 && may.front().file != bytes_view{superblock_name}) chosen = may.front();
        bit_ = 1u << roll_(8);
        turn(in, chosen);
        return chosen;
    }
    void turn(simulated::directory& in, const turned_bit& at) {
        auto file = in.open(at.file, file_mode::write).value();
        std::byte one{};
        REQUIRE(file.read(at.offset, &one, 1).value() == 1);
        one ^= static_cast<std::byte>(bit_);
        file.write(at.offset, {&one, 1}).value();
    }

    static void judge(const turned_bit& at, const scrub_report& report) {
        lsn first;
        const bool is_log = parse_segment_name(at.file, first);
        for (const scrub_finding& each : report.kept) {
            if (each.file != at.file.view()) continue;
            if (!is_log) {
                CHECK(each.repaired);
                ++repaired;
                return;
            }
            // Of a header block the first such byte stands for all.
            const bool in_rest = each.offset < segment_header_bytes && each.offset <= at.offset &&
                                 at.offset < segment_header_bytes;
            // Behind the last record of a segment all that is left of its block.
            const bool behind =
                each.offset <= at.offset && at.offset < round_up(each.offset, log_block_bytes);
            if (each.kind == scrub_kind::harmless &&
                (in_rest || behind || each.offset == at.offset)) {
                ++harmless;
                return;
            }
            // A header that is damaged, perhaps by an earlier bit, stands for its block.
            const std::uint64_t length =
                each.offset == 0 ? segment_header_bytes : each.end.value - each.begin.value;
            if (each.kind == scrub_kind::damaged && at.offset >= each.offset &&
                at.offset < each.offset + length) {
                ++found;
                return;
            }
        }
        // Nothing to find where a round in the background has repaired it meanwhile.
        if (!is_log) return;
        const std::string file = at.file.as<std::string>();
        CAPTURE(file);
        CAPTURE(at.offset);
        FAIL_CHECK("a bit that turned was not found");
    }

    simulation world_;
    dice roll_;
    unsigned bit_ = 1;
};

struct damage_told {
    std::vector<std::string> lines;

    static void note(void* context, const event& what) {
        if (what.code() == event_code::scrub_damage || what.code() == event_code::repaired)
            static_cast<damage_told*>(context)->lines.push_back(what.message().as<std::string>());
    }
};

// Four openings, each with threads that commit and rounds that go on, ended by a power failure, by
// the end of the process or by closing.
class busy_store {
public:
    explicit busy_store(std::uint64_t seed)
        : world_{seed, {.scheduling = drawn_schedule(seed)}}, roll_{seed * 2 + 1} {}

    void run() {
        world_.run([this] {
            for (int round = 0; round < 4; ++round) {
                if (roll_(4) != 0) world_.crash_at_io(1 + roll_(150));
                else world_.crash_at_io(0);
                if (roll_(3) == 0)
                    world_.inject({.kind = fault_kind::flip_on_read,
                                   .on = io_kind::read,
                                   .nth = 12 + roll_(60)});
                live();
                if (world_.powered()) world_.crash();
                const crash_mode ends[] = {crash_mode::drop_unsynced, crash_mode::random_subset,
                                           crash_mode::process_only};
                world_.restart(ends[roll_(3)]);
            }
        });
    }
    static inline std::uint64_t rounds = 0;

private:
    void live() {
        damage_told told;
        auto options = scrubbing_all_the_time(roll_);
        options.events = {damage_told::note, &told};
        auto opened = store_type::open("db", options, world_.platform());
        if (!opened) {
            CHECK_FALSE(world_.powered());
            return;
        }
        auto table = opened->table("t");
        if (!table) {
            CHECK_FALSE(world_.powered());
            return;
        }
        std::vector<simulated::thread> threads;
        for (std::uint64_t left = 1 + roll_(2); left > 0; --left)
            threads.emplace_back(committer{&*opened, *table, {roll_(1000)}, 8});
        for (std::uint64_t left = roll_(3); left > 0; --left) check(opened->scrub().value());
        for (auto& each : threads) each.join();
        const integrity_state state = opened->integrity();
        rounds += state.rounds;
        if (state.last) check(*state.last);
        const bool whole = world_.powered();
        if (roll_(2) == 0) (void)opened->close();
        if (!whole) return;
        CHECK(state.findings == 0);
        for (const std::string& line : told.lines)
            if (world_.powered()) FAIL_CHECK(line);
    }
    // Rest of a crash behind the end of a segment is harmless. Without power nothing can be read;
    // that is told as that, and never as damage.
    static void check(const scrub_report& report) {
        for (const scrub_finding& each : report.kept)
            if (each.kind != scrub_kind::unreadable && each.kind != scrub_kind::harmless) {
                const std::string what = std::string{name_of(each.kind)} + " " +
                                         each.file.as<std::string>() + " at " +
                                         std::to_string(each.offset);
                FAIL_CHECK(what);
            }
    }

    simulation world_;
    dice roll_;
};

}  // namespace

TEST_CASE("1,000 seeds of bit rot while the store works: each turned bit is found, or harmless") {
    for (std::uint64_t seed = 1; seed <= seeds(1000); ++seed) {
        CAPTURE(seed);
        rotting_store{seed}.run();
    }
    MESSAGE(rotting_store::found << " found, " << rotting_store::repaired << " repaired, "
                                 << rotting_store::harmless << " harmless");
    CHECK(rotting_store::found > seeds(1000) / 4);
    CHECK(rotting_store::repaired > 0);
    CHECK(rotting_store::harmless > 0);
}

TEST_CASE("1,000 seeds of commits, rotations and crashes beside a scrubber: nothing is found") {
    for (std::uint64_t seed = 1; seed <= seeds(1000); ++seed) {
        CAPTURE(seed);
        busy_store{seed}.run();
    }
    MESSAGE(busy_store::rounds << " rounds");
    CHECK(busy_store::rounds > seeds(1000));
}

TEST_CASE("close() in the middle of a round waits for one read at most; the rate holds") {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        auto platform = world.platform();
        world.run([&] {
            store_options options;
            options.segment_bytes = 128 * KiB;
            options.scrub_bytes_per_second = 100 * KiB;
            options.scrub_period = {};
            auto db = store_type::open("db", options, platform).value();
            auto table = db.table("t").value();
            for (int i = 0; i < 20; ++i) {
                auto tx = db.begin();
                tx.put(table, std::to_string(i), std::string(30'000, 'v'));
                REQUIRE(tx.commit());
            }
            CHECK(db.scrub().value().complete);
            const nanoseconds begun = platform.now();
            const std::uint64_t before = db.integrity().rounds;
            platform.sleep(seconds(14));
            // More than 600 KB of log: at 100 KiB a second a round takes six seconds.
            CHECK(db.integrity().rounds - before <= 3);
            CHECK(db.integrity().rounds - before >= 1);
            CHECK(platform.now() - begun >= seconds(14));
            const nanoseconds closing = platform.now();
            CHECK(db.close());
            CHECK(platform.now() - closing < milliseconds(500));
            CHECK(world.held_count() == 0);
        });
    }
}
