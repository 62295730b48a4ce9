// SPDX-License-Identifier: BSL-1.0
//
// Random programs of a writer, a keeper, holds, checkpoints and an archive that fails, ended by
// power failures; and a small one that is cut off at every I/O. Whatever happens, every record from
// the least position on that anybody needs is in the log, and every record at all in the log or in
// the archive.
#include <doctest/doctest.h>

#include "keeper_fixture.hpp"

#include <mantis/platform/simulated.hpp>

#include <map>

using namespace log_test;

namespace {

using simulated_keeper = log_keeper<simulated, crc32c>;
using simulated_writer = log_writer<simulated, crc32c>;

struct tally {
    std::uint64_t removed = 0;
    std::uint64_t archived = 0;
    std::uint64_t crashed = 0;
    std::uint64_t refused = 0;
    std::uint64_t held = 0;
};

class kept_life {
public:
    kept_life(std::uint64_t seed, tally& seen)
        : world_{seed, {.scheduling = drawn_schedule(seed)}}, roll_{seed}, seen_{seen} {
        log_.segment_bytes = 8192 + 4096 * roll_.below(3);
        archives_ = roll_.below(4) != 0;
        chosen_.keep_bytes = roll_.below(2) * roll_.below(30'000);
        chosen_.keep_for = {roll_.one_in(3) ? roll_.between(1, 20'000'000) : 0};
        chosen_.again = {.first = {1000}, .attempts = 2};
        if (archives_) chosen_.archive = archive_hook::of(*this);
    }

    void run(std::uint64_t boots, std::uint64_t steps) {
        world_.run([&] {
            for (std::uint64_t boot = 0; boot < boots; ++boot) {
                life(steps, 5 + roll_.below(120));
                ++seen_.crashed;
                world_.restart(roll_.one_in(3) ? crash_mode::drop_unsynced
                                               : crash_mode::random_subset);
                look();
            }
        });
    }
    //   Returns     whether the power failed inside
    bool run_cut_off_at(std::uint64_t nth) {
        bool cut_off = false;
        world_.run([&] {
            scripted_ = true;
            chosen_.keep_bytes = 0;
            chosen_.keep_for = {};
            life(40, nth);
            cut_off = !world_.powered();
            world_.restart(crash_mode::random_subset);
            look();
        });
        return cut_off;
    }

    // The archive: a directory that refuses now and then.
    result<void> archive(const sealed_segment& segment) {
        if (roll_.below(5) == 0) {
            ++seen_.refused;
            return error{error_code::io, "archiving"};
        }
        return to_->archive(segment);
    }

private:
    // From opening to the end of power.
    void life(std::uint64_t steps, std::uint64_t crash_at) {
        auto platform = world_.platform();
        auto in = platform.open_directory("log", directory_mode::create).value();
        auto elsewhere = platform.open_directory("archive", directory_mode::create).value();
        directory_archive<simulated, crc32c> to{elsewhere};
        to_ = &to;
        auto end = recovered(in);
        simulated_writer writer{platform, in, ours, end.end, end.previous_checksum, log_};
        simulated_keeper keeper{platform, in, ours, chosen_};
        std::map<std::uint64_t, log_hold<simulated>> holds;
        world_.crash_at_io(crash_at);
        simulated::atomic<bool> over{false};
        simulated::thread background{[&] {
            while (!over.load() && world_.powered()) {
                (void)keeper.archive(writer.durable());
                platform.sleep(milliseconds(1));
            }
        }};
        for (std::uint64_t i = 0; i < steps && world_.powered(); ++i) step(writer, keeper, holds);
        over.store(true);
        background.join();
        seen_.archived += keeper.stats().archived_segments;
        holds.clear();
    }

    void step(simulated_writer& writer, simulated_keeper& keeper,
              std::map<std::uint64_t, log_hold<simulated>>& holds) {
        switch (scripted_ ? script[steps_++ % 8] : roll_.below(9)) {
            case 0:
            case 1:
            case 2: return write(writer);
            case 3: (void)writer.sync(); return;
            case 4: {
                // A checkpoint covers what is durable, and is itself durable at once.
                const lsn durable = writer.durable();
                if (durable > checkpoint_ && (scripted_ || roll_.one_in(2))) checkpoint_ = durable;
                return;
            }
            case 5: {
                const lsn from{checkpoint_.value > 20'000 ? checkpoint_.value - 20'000 : 4096};
                if (auto made = keeper.hold("replica", from))
                    holds[roll_.below(3)] = *std::move(made);
                return;
            }
            case 6:
                if (!holds.empty()) holds.erase(holds.begin());
                return;
            default: return remove(writer, keeper, holds);
        }
    }

    void write(simulated_writer& writer) {
        std::string payload = std::to_string(++number_) + ":";
        payload.append(roll_.below(5000), 'p');
        const std::vector<pending_record> one{{record_kind::commit, payload}};
        const auto range = writer.append({number_}, one);
        if (!range) return;
        appended_[range->position.value] = payload;
        if (!writer.wait_durable(range->end)) return;
        durable_[range->position.value] = payload;
    }

    void remove(simulated_writer& writer, simulated_keeper& keeper,
                std::map<std::uint64_t, log_hold<simulated>>& holds) {
        const lsn durable = writer.durable();
        const auto removed = keeper.remove_unneeded(checkpoint_, durable);
        if (!removed || *removed == 0) return;
        seen_.removed += *removed;
        const lsn oldest = keeper.stats().oldest;
        CHECK(oldest <= checkpoint_);
        if (chosen_.keep_bytes != 0) CHECK(oldest.value + chosen_.keep_bytes <= durable.value);
        for (const auto& [number, each] : holds) {
            if (!each) continue;
            ++seen_.held;
            CHECK(oldest <= each.from());
        }
    }

    // As recovery leaves it: from the checkpoint on, its torn tail cut.
    log_end recovered(simulated::directory& in) {
        auto from = log_reader<simulated, crc32c>::open(
            in, ours, segments_of(in).empty() ? lsn{} : checkpoint_begin(in));
        auto reader = std::move(from).value();
        log_record record;
        while (reader.next(record).value()) {}
        const log_end end = reader.end();
        if (!end.unfinished_segment.empty()) {
            in.remove(end.unfinished_segment).value();
            in.sync().value();
        }
        if (!end.segment.empty())
            detail::cut_segment(in, end.segment, end.offset_in_segment(), end.doubtful_offset(),
                                reader.doubtful_records())
                .value();
        return end;
    }
    lsn checkpoint_begin(simulated::directory& in) {
        const lsn front = segments_of(in).front();
        CHECK(front <= checkpoint_);
        return front;
    }

    // What is there after a power failure.
    void look() {
        auto platform = world_.platform();
        auto in = platform.open_directory("log", directory_mode::create).value();
        auto elsewhere = platform.open_directory("archive", directory_mode::create).value();
        if (durable_.empty() && segments_of(in).empty()) return;
        const lsn front = segments_of(in).empty() ? first_lsn_of_log : segments_of(in).front();
        CHECK(front <= checkpoint_);
        auto live = records_of(in, front);  // without a hole, or this fails
        for (const auto& [position, payload] : durable_)
            if (position >= front.value) CHECK(live[position] == payload);
        // An answer to what was not durable then is no longer to be had.
        for (auto each = appended_.begin(); each != appended_.end();)
            each = live.count(each->first) != 0 || each->first < front.value
                       ? std::next(each)
                       : appended_.erase(each);
        durable_ = appended_;
        if (!archives_) return;
        directory_archive<simulated, crc32c> from{elsewhere};
        REQUIRE(restore_segments<simulated, crc32c>(from, in, ours));
        const auto whole = records_of(in, first_lsn_of_log);
        CHECK(whole == durable_);
    }
    std::map<std::uint64_t, std::string> records_of(simulated::directory& in, lsn begin) {
        auto from = log_reader<simulated, crc32c>::open(in, ours, begin);
        REQUIRE(from);
        std::map<std::uint64_t, std::string> found;
        log_record record;
        for (auto more = from->next(record); more.value(); more = from->next(record))
            found[record.position.value] = record.payload.as<std::string>();
        return found;
    }

    // Much is removed, so that it is cut off often.
    static constexpr std::uint64_t script[] = {0, 1, 4, 7, 2, 3, 4, 8};

    simulation world_;
    seeded_random roll_;
    tally& seen_;
    log_options log_;
    log_keeper_options chosen_;
    bool archives_ = false;
    bool scripted_ = false;
    std::uint64_t steps_ = 0;
    directory_archive<simulated, crc32c>* to_ = nullptr;
    lsn checkpoint_ = first_lsn_of_log;
    std::uint64_t number_ = 0;
    std::map<std::uint64_t, std::string> appended_;
    std::map<std::uint64_t, std::string> durable_;
};

}  // namespace

TEST_CASE("1,000 seeds: what is needed is in the log, and everything in the log or the archive") {
    tally seen;
    for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
        CAPTURE(seed);
        kept_life{seed, seen}.run(3, 45);
    }
    CHECK(seen.removed > 300);
    CHECK(seen.archived > 1000);
    CHECK(seen.refused > 200);
    CHECK(seen.held > 20);
}

TEST_CASE("a small program cut off at every I/O loses nothing that anybody needs") {
    tally seen;
    std::uint64_t cut_off = 0;
    for (std::uint64_t seed = 1; seed <= 2; ++seed)
        for (std::uint64_t nth = 1; nth < 1000; ++nth) {
            CAPTURE(seed);
            CAPTURE(nth);
            if (!kept_life{seed, seen}.run_cut_off_at(nth)) break;
            ++cut_off;
        }
    CHECK(cut_off > 200);
    CHECK(seen.removed > 300);
    CHECK(seen.archived > 100);
}
