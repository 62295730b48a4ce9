// SPDX-License-Identifier: BSL-1.0
//
// Brings one or several targets to the state that their log describes.
//
//   counter_table counters;
//   recovery_engine<log_reader<posix, crc32c>, counter_table> recovery{world, directory, id,
//                                                                      counters};
//   auto planned = recovery.plan({});    // a dry run: nothing is touched
//   auto done    = recovery.run({});     // then a log_writer goes on at done->summary.end
//
// The log is read twice: once to verify it and make the plan, once to redo. So a target is not
// touched unless the whole log is sound, and redo knows which transactions will commit. The phases
// and what each does are in plan.hpp, what a target must offer in target.hpp.
//
// Records of several transactions may lie between each other: those of an open one are kept in
// memory from its first part to its commit, when its operations are done in their order. What never
// commits is never kept. So redo needs memory for the largest set of transactions that were open at
// one place of the log, and for two segments.
//
// A target that cannot wait for the end, because what it has redone takes too much memory or disk,
// asks for a restartpoint (target.hpp): the tail of the log is repaired then and not at the end.
//
// Invariants:
//   1. an operation is redone only if the commit record of its transaction lies before stops_at
//   2. operations on one key of one table are redone in the order of the log, by however many
//      threads; making and dropping a table is done alone
//   3. nothing on disk is touched before everything was redone and verified or a target makes a
//      restartpoint, and then only the tail; nothing at all, and no restartpoint is made, if the
//      recovery stops early, meets damage or is read-only
//
// Threads: one at a time; options::threads are its own, and targets without parallel_redo are
// called by one at a time, in the order of the log.
#pragma once

#include "detail/log_analysis.hpp"
#include "detail/redo_lanes.hpp"
#include "plan.hpp"
#include "target.hpp"

#include "../core/crc32c.hpp"
#include "../wal/detail/segment_removal.hpp"
#include "../wal/reader.hpp"

#include <tuple>

namespace mantis {

template <class Log, class... Target>
class recovery_engine;

template <platform Platform, checksum_policy Checksum, class... Target>
class recovery_engine<log_reader<Platform, Checksum>, Target...> {
    static_assert((log_target<Target> && ...),
                  "mantis: recovery_engine<Log, Target...>: a Target is not a log_target "
                  "(recovery/target.hpp)");
    static_assert(sizeof...(Target) <= 64, "mantis: recovery_engine: more than 64 targets");

public:
    using directory = typename Platform::directory;
    using log_type = log_reader<Platform, Checksum>;
    using options = recovery_options;

    struct outcome {
        recovery_summary summary;
        std::uint32_t previous_checksum = 0;  // for the writer's chain
    };

    //   Requires    `in` and the targets outlive the engine
    recovery_engine(Platform world, directory& in, database_id database,
                    Target&... targets) noexcept
        : platform_{std::move(world)},
          directory_{&in},
          database_{database},
          targets_{&targets...} {}

    // The first half of run(): reads and verifies the whole log, touches nothing.
    //   Returns     what run() would do; with damage in it, if there is some
    //   Errors      io, mismatch
    [[nodiscard]] result<recovery_plan> plan(options chosen) {
        chosen.up_to_damage = true;
        auto found = analyse(chosen);
        if (!found) return found.error();
        recovery_plan planned = found->records.plan();
        if (planned.damage && planned.damage->code() != error_code::corrupt) return *planned.damage;
        return planned;
    }

    //   Returns     what was found and done, and where a writer goes on
    //   Errors      corrupt (file, offset, lsn), mismatch: nothing was changed, in the targets or
    //               on disk. io: of the targets, perhaps a part. Those of a target, with its name,
    //               `target` (its place among them), `lsn` of the commit record and `segment`:
    //               what lies before that record was redone, and perhaps some of what lies
    //               behind; nothing was changed on disk but by a restartpoint.
    [[nodiscard]] result<outcome> run(const options& chosen) {
        const nanoseconds begun = platform_.now();
        auto found = analyse(chosen);
        if (!found) return found.error();
        outcome done{{found->records.plan(), {}, {}, {}, {}, 0, {}, false}, 0};
        const nanoseconds analysed = platform_.now();
        if (auto redone = redo(*found, chosen); !redone) return redone.error();
        const nanoseconds redone = platform_.now();
        if (auto sound = verify(chosen); !sound) return sound.error();
        if (touches_disk(found->records, chosen)) {
            tell(chosen, {0, 0, 0, recovery_phase::repair});
            if (auto repaired = repair(*found); !repaired) return repaired.error();
        }
        done.summary.restartpoints = found->restartpoints;
        if (found->log) done.previous_checksum = found->log->end().previous_checksum;
        done.summary.analysed_in = analysed - begun;
        done.summary.redone_in = redone - analysed;
        done.summary.elapsed = platform_.now() - begun;
        tell(chosen, {done.summary.records, 0, 0, recovery_phase::open});
        return done;
    }

private:
    using place = detail::redo_place;

    static constexpr std::uint64_t records_per_report = 1024;
    static constexpr const char* unsteady = "recovering: the log reads differently each time";

    struct analysed_log {
        std::optional<log_type> log;  // read to its end, or to its damage
        detail::log_analysis records;
        bool repaired = false;
        std::uint64_t restartpoints = 0;
    };

    static void tell(const options& chosen, const recovery_progress& progress) {
        if (chosen.listener != nullptr) chosen.listener(chosen.listener_context, progress);
    }
    static void tell(const options& chosen, recovery_phase phase, const log_type& log,
                     std::uint64_t records) {
        tell(chosen, {records, log.bytes_read(), log.bytes_total(), phase});
    }
    static bool touches_disk(const detail::log_analysis& found, const options& chosen) noexcept {
        return !chosen.read_only && !chosen.stops_early() && !found.plan().damage;
    }

    // --- analyse ---

    //   Errors      damage, unless it lies behind the place to stop at, or is to be lived with
    result<analysed_log> analyse(const options& chosen) {
        tell(chosen, {0, 0, 0, recovery_phase::detect});
        analysed_log found{std::nullopt, detail::log_analysis{chosen}};
        auto read = read_all(chosen, found);
        recovery_plan& plan = found.records.plan();
        found.records.finish(found.log ? found.log->end().durable : lsn{});
        if (read) read = judge_end(chosen, *found.log, plan);
        if (found.log) plan.segments = found.log->segment_count();
        if (found.log) plan.bytes = found.log->bytes_read();
        if (read) return found;
        const bool behind =
            found.records.stopped() || (chosen.stop_at != lsn{} && plan.end >= chosen.stop_at);
        if (!chosen.up_to_damage && !behind) return read.error();
        plan.found = log_condition::damaged;
        plan.damage = read.error();
        return found;
    }

    result<void> read_all(const options& chosen, analysed_log& found) {
        auto log = log_type::open(*directory_, database_, chosen.start.begin);
        if (!log) return lost_start(log.error());
        found.log.emplace(std::move(*log));
        tell(chosen, recovery_phase::analyse, *found.log, 0);
        log_record record;
        while (true) {
            auto more = found.log->next(record);
            if (!more) return lost_start(more.error());
            if (!*more) break;
            if (auto added = found.records.add(record); !added)
                return added.error().about(found.log->segment()).with("lsn", record.position.value);
            const std::uint64_t records = found.records.plan().records;
            if (records % records_per_report == 0)
                tell(chosen, recovery_phase::analyse, *found.log, records);
        }
        tell(chosen, recovery_phase::analyse, *found.log, found.records.plan().records);
        return success();
    }

    // The log was durable up to where it is to begin: if it does not reach it, or has no record
    // there, that is damage.
    static error lost_start(const error& why) {
        if (why.code() != error_code::not_found && why.code() != error_code::invalid_argument)
            return why;
        error damage{error_code::corrupt,
                     "recovering: the log that the checkpoint needs is missing"};
        damage.about(why.subject());
        if (const std::uint64_t* const at = why.number("lsn")) damage.with("lsn", *at);
        return damage;
    }

    static result<void> judge_end(const options& chosen, const log_type& log, recovery_plan& plan) {
        const log_end& end = log.end();
        plan.end = end.end;
        plan.cut_bytes = end.cut_bytes;
        if (!chosen.stops_early()) plan.stops_at = end.end;
        const bool torn = end.cut_bytes != 0 || !end.unfinished_segment.empty();
        const bool beyond = chosen.log_reaches != lsn{} && end.end > chosen.log_reaches;
        plan.found = torn || beyond ? log_condition::crashed : log_condition::clean;
        if (end.end >= chosen.log_reaches) return success();
        return error{error_code::corrupt, "recovering: the log ends before what was once durable"}
            .about(end.segment.empty() ? bytes_view{"the log is empty"} : end.segment.view())
            .with("lsn", end.end.value)
            .with("expected_lsn", chosen.log_reaches.value);
    }

    // --- redo ---

    // One pass over the log that redoes; `lanes` is empty when the reader does it alone.
    struct redo_pass {
        recovery_engine& engine;
        analysed_log& log;
        const detail::log_analysis& found;
        bool rests;  // where a target wants to

        result<void> operator()(std::uint64_t targets, place at, const operation& op) const {
            return engine.redo_one(targets, at, op, std::index_sequence_for<Target...>{});
        }
    };
    using lanes_type = detail::redo_lanes<Platform, redo_pass>;

    result<void> redo(analysed_log& found, const options& chosen) {
        const recovery_plan& plan = found.records.plan();
        ask_targets();
        for (std::size_t at = 0; at < sizeof...(Target); ++at)
            check(persisted_[at] >= chosen.start.begin,
                  "recovery_engine: a target lacks what lies before the beginning");
        if (plan.transactions_kept == 0 || wanting(plan.stops_at) == 0) return success();
        auto log = log_type::open(*directory_, database_, chosen.start.begin);
        if (!log) return log.error();
        log->forget_doubtful();
        redo_pass pass{*this, found, found.records,
                       touches_disk(found.records, chosen) && !chosen.up_to_damage};
        std::optional<lanes_type> lanes;
        if (chosen.threads > 1) lanes.emplace(pass, chosen.threads);
        recovery_plan redone;
        auto read = redo_all(*log, pass, lanes, chosen, redone);
        if (lanes)
            if (auto failed = lanes->end()) return named(failed->at, std::move(failed->why));
        if (!read) return read;
        if (chosen.verification == recovery_check::none ||
            (redone.transactions_kept == plan.transactions_kept &&
             redone.operations == plan.operations))
            return success();
        return error{error_code::io, unsteady}
            .with("transactions", redone.transactions_kept)
            .with("expected", plan.transactions_kept);
    }

    result<void> redo_all(log_type& log, redo_pass& pass, std::optional<lanes_type>& lanes,
                          const options& chosen, recovery_plan& redone) {
        const lsn stops_at = pass.found.plan().stops_at;
        detail::by_transaction<std::vector<bytes>> open;
        log_record record;
        tell(chosen, recovery_phase::redo, log, 0);
        while (record.end < stops_at) {
            auto more = log.next(record);
            if (!more) return more.error();
            if (!*more)
                return error{error_code::io, unsteady}
                    .with("lsn", log.end().end.value)
                    .with("expected_lsn", stops_at.value);
            if (++redone.records % records_per_report == 0)
                tell(chosen, recovery_phase::redo, log, redone.records);
            if (record.kind == record_kind::part) {
                if (!pass.found.unfinished(record.transaction))
                    open[record.transaction].emplace_back(record.payload);
            } else if (auto done =
                           redo_commit(pass, lanes, record, open.take(record.transaction), redone);
                       !done || !*done) {
                return done ? success() : result<void>{done.error()};
            } else if (pass.rests && any_wants_restartpoint()) {
                if (lanes && !lanes->settle()) return success();  // end() of the lanes tells more
                if (auto rested = rest(pass.log, record.end); !rested)
                    return named({record.position, record.end}, rested.error());
            }
        }
        tell(chosen, recovery_phase::redo, log, redone.records);
        return success();
    }

    //   Returns     false if a lane failed, which end() of the lanes tells more of
    result<bool> redo_commit(redo_pass& pass, std::optional<lanes_type>& lanes,
                             const log_record& record, const std::vector<bytes>& parts,
                             recovery_plan& redone) {
        const place at{record.position, record.end};
        const std::uint64_t targets = wanting(record.end);
        ++redone.transactions_kept;
        for (const bytes& part : parts)
            if (auto done = redo_payload(pass, lanes, part, at, targets, redone); !done || !*done)
                return done;
        return redo_payload(pass, lanes, record.payload, at, targets, redone);
    }

    result<bool> redo_payload(redo_pass& pass, std::optional<lanes_type>& lanes, bytes_view payload,
                              place at, std::uint64_t targets, recovery_plan& redone) {
        operation_reader operations{payload};
        operation op;
        while (true) {
            auto more = operations.next(op);
            if (!more) return named(at, more.error());
            if (!*more) return true;
            if (op.kind == operation_kind::stamp) continue;
            ++redone.operations;
            if (targets == 0) continue;
            if (lanes) {
                auto given = give(pass, *lanes, at, targets, op);
                if (!given || !*given) return given;
            } else if (auto done = pass(targets, at, op); !done) {
                return named(at, done.error());
            }
        }
    }

    // A key goes to the same lane each time; a target that is for one thread, to the first.
    result<bool> give(redo_pass& pass, lanes_type& lanes, place at, std::uint64_t targets,
                      const operation& op) {
        if (op.kind == operation_kind::create_table || op.kind == operation_kind::drop_table) {
            if (!lanes.settle()) return false;
            if (auto done = pass(targets, at, op); !done) return named(at, done.error());
            return true;
        }
        const std::uint64_t apart = targets & parallel_targets;
        bool sound = true;
        if (apart != 0) sound = lanes.give(lane_of(op, lanes.count()), apart, at, op);
        if (targets != apart) sound = lanes.give(0, targets & ~apart, at, op) && sound;
        return sound;
    }
    static std::size_t lane_of(const operation& op, std::size_t count) noexcept {
        return static_cast<std::size_t>(crc32c::of(op.key, op.table.value) % count);
    }

    // --- restartpoints ---

    [[nodiscard]] bool any_wants_restartpoint() {
        return std::apply([](auto*... each) { return (wants_restartpoint(*each) || ...); },
                          targets_);
    }
    template <class T>
    static bool wants_restartpoint(T& target) {
        if constexpr (restartable_target<T>) return target.wants_restartpoint();
        else return false;
    }
    result<void> rest(analysed_log& found, lsn end) {
        if (auto durable = repair(found); !durable) return durable;
        const auto made = rest_all(end, std::index_sequence_for<Target...>{});
        if (!made) return made.error();
        if (*made) ++found.restartpoints;
        return success();
    }
    //   Returns     whether a target has made one
    template <std::size_t... At>
    result<bool> rest_all(lsn end, std::index_sequence<At...>) {
        bool any = false;
        result<bool> made = false;
        [[maybe_unused]] const auto rest_one = [&](auto& target, std::size_t number) {
            if constexpr (restartable_target<std::remove_reference_t<decltype(target)>>) {
                if (persisted_[number] >= end || !target.wants_restartpoint()) return true;
                made = target.restartpoint(end);
                if (!made) made = blamed(target, number, made.error());
                else any = any || *made;
            }
            return made.has_value();
        };
        (void)(rest_one(*std::get<At>(targets_), At) && ...);
        return made ? result<bool>{any} : made;
    }

    // --- targets ---

    static constexpr std::uint64_t parallel_targets = [] {
        std::uint64_t mask = 0;
        std::uint64_t bit = 1;
        ((mask |= redoes_in_parallel<Target>() ? bit : 0, bit <<= 1), ...);
        return mask;
    }();

    // Asked once: what a target says while it is redone does not count.
    void ask_targets() {
        lsn* into = persisted_;
        std::apply([&](auto*... each) { ((*into++ = each->persisted_lsn()), ...); }, targets_);
    }
    //   Returns     a bit for each target that lacks the commit that ends there
    [[nodiscard]] std::uint64_t wanting(lsn end) const noexcept {
        std::uint64_t mask = 0;
        for (std::size_t at = 0; at < sizeof...(Target); ++at)
            if (persisted_[at] < end) mask |= std::uint64_t{1} << at;
        return mask;
    }

    template <std::size_t... At>
    result<void> redo_one(std::uint64_t targets, place at, const operation& op,
                          std::index_sequence<At...>) {
        result<void> done = success();
        [[maybe_unused]] const auto redo_in = [&](auto& target, std::size_t number) {
            done = target.redo(at.version, op);
            if (!done) done = blamed(target, number, done.error());
            return done.has_value();
        };
        (void)(((targets >> At & 1) == 0 || redo_in(*std::get<At>(targets_), At)) && ...);
        return done;
    }

    template <class T>
    static error blamed(const T&, std::size_t number, error why) {
        return why.within(target_name<T>()).with("target", number);
    }

    // Which record it was, and in which segment.
    error named(place at, error why) {
        why.with("lsn", at.position.value);
        auto names = directory_->list();
        if (!names) return why;
        lsn segment;
        for (const bytes& name : *names)
            if (lsn first;
                parse_segment_name(name, first) && first <= at.position && first > segment)
                segment = first;
        return why.about(segment_name(segment)).with("segment", segment.value);
    }

    result<void> verify(const options& chosen) {
        if (chosen.verification != recovery_check::full) return success();
        tell(chosen, {0, 0, 0, recovery_phase::verify});
        return verify_all(std::index_sequence_for<Target...>{});
    }
    template <std::size_t... At>
    result<void> verify_all(std::index_sequence<At...>) {
        result<void> done = success();
        [[maybe_unused]] const auto verify_one = [&](auto& target, std::size_t number) {
            done = target.verify();
            if (!done) done = blamed(target, number, done.error());
            return done.has_value();
        };
        (void)(verify_one(*std::get<At>(targets_), At) && ...);
        return done;
    }

    // --- repair ---

    //   Requires    touches_disk()
    //   Effects     what was read of the log is durable, and nothing lies behind it
    result<void> repair(analysed_log& found) {
        if (found.repaired) return success();
        if (auto clean = cut(*found.log); !clean) return clean;
        found.repaired = true;
        return success();
    }
    // Removes what a crash left behind the last good record, and a segment that holds nothing of
    // the log: first, for once the tail before it is cut, nothing tells that it may be removed.
    result<void> cut(const log_type& log) {
        const log_end& end = log.end();
        if (!end.unfinished_segment.empty())
            if (auto removed = directory_->remove(end.unfinished_segment); !removed) return removed;
        // A name may be there without being durable: of a segment whose records are answered from
        // now on, or of one that was just removed.
        if (!end.unfinished_segment.empty() || end.durable <= end.segment_first)
            if (auto synced = directory_->sync(); !synced) return synced;
        if (end.segment.empty()) return success();
        if (const doubtful_bytes before = log.doubtful_before(); !before.held.empty())
            if (auto safe =
                    detail::write_again(*directory_, before.segment, before.offset, before.held);
                !safe)
                return safe;
        return detail::cut_segment(*directory_, end.segment, end.offset_in_segment(),
                                   end.doubtful_offset(), log.doubtful_records());
    }

    Platform platform_;
    directory* directory_;
    database_id database_;
    std::tuple<Target*...> targets_;
    lsn persisted_[sizeof...(Target) + 1];  // one more, for there may be none
};

}  // namespace mantis
