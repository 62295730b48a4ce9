// SPDX-License-Identifier: BSL-1.0
#include "plan.hpp"

#include <sstream>

namespace simulate {

namespace {

constexpr const char* durabilities[] = {"group_commit", "periodic", "buffered"};
constexpr const char* ends[] = {"power_cut", "power_cut_subset", "killed"};
constexpr const char* sync_failures[] = {"keeps", "forgets", "reverts"};
template <std::size_t Count>
int index_of(const char* const (&names)[Count], const std::string& name) {
    for (std::size_t i = 0; i < Count; ++i)
        if (name == names[i]) return static_cast<int>(i);
    return -1;
}

// What a plan may meet, each about as often as the others.
fault draw_survivable(dice& roll) {
    fault made;
    made.nth = 1 + roll(roll(2) == 0 ? 6 : 60);
    made.code = roll(2) == 0 ? error_code::io : error_code::no_space;
    made.after_sync = static_cast<failed_sync>(roll(3));
    if (roll(4) == 0) made.kind = fault_kind::fail_halfway;
    switch (roll(8)) {
        case 0: made.on = io_kind::sync; break;
        case 1:
            made.on = roll(2) == 0 ? io_kinds{io_kind::sync_directory}
                                   : descriptor_io | io_kinds{io_kind::lock};
            break;
        case 2: made.on = io_kind::write; break;
        case 3: made.on = io_kind::remove | io_kind::rename | io_kind::resize; break;
        case 4: made.on = io_kind::read | io_kind::list | io_kind::size | io_kind::exists; break;
        case 5:  // a full disk that has space again later
            made.on = space_io;
            made.code = error_code::no_space;
            made.count = 1 + roll(20);
            break;
        case 6:  // transfers in pieces
            made.kind = fault_kind::split;
            made.one_in = 1 + roll(4);
            made.count = fault::for_ever;
            break;
        default:
            made.kind = fault_kind::slow;
            made.one_in = 1 + roll(30);
            made.count = 1 + roll(5);
            break;
    }
    return made;
}
fault draw_lie(dice& roll) {
    constexpr fault_kind lies[] = {fault_kind::lying_sync,   fault_kind::flip_on_read,
                                   fault_kind::flip_at_rest, fault_kind::lost_write,
                                   fault_kind::stale_read,   fault_kind::misdirected_write,
                                   fault_kind::foreign_file};
    fault made;
    made.kind = lies[roll(std::size(lies))];
    made.nth = 1 + roll(targets_of(made.kind).has(io_kind::read) ? 4 : 20);
    made.after_sync = static_cast<failed_sync>(roll(3));
    return made;
}

round draw_round(dice& roll, bool survivable, bool lies) {
    round made;
    made.crash_at_io = roll(8) == 0 ? 0 : 1 + (roll(3) == 0 ? roll(12) : roll(120));
    const std::uint64_t end = roll(3);
    made.end = end == 0   ? crash_mode::process_only
               : end == 1 ? crash_mode::drop_unsynced
                          : crash_mode::random_subset;
    made.closes = roll(4) == 0;
    if (survivable && roll(3) == 0) {  // a segment that cannot be made, nor perhaps unmade
        made.faults.push_back(
            {.on = io_kind::preallocate, .code = error_code::no_space, .nth = 2 + roll(3)});
        if (roll(2) == 0)
            made.faults.push_back({.on = roll(2) == 0 ? io_kind::remove : io_kind::sync_directory,
                                   .nth = 1 + roll(5)});
        made.end = crash_mode::random_subset;
    }
    if (survivable && roll(3) == 0) {  // a sync that failed, and an opening that looks as if not
        made.faults.push_back(
            {.on = io_kind::sync, .nth = 1 + roll(8), .after_sync = failed_sync::forgets});
        made.end = crash_mode::process_only;
    }
    if (survivable)
        for (std::uint64_t left = roll(3); left > 0; --left)
            made.faults.push_back(draw_survivable(roll));
    if (lies && roll(2) == 0) made.faults.push_back(draw_lie(roll));
    made.threads.resize(1 + roll(3));
    for (auto& thread : made.threads)
        for (std::uint64_t left = 1 + roll(12); left > 0; --left)
            thread.push_back(static_cast<std::uint32_t>(roll(1u << 30)));
    return made;
}

template <class Enum>
int index_of_name(std::size_t count, const std::optional<std::string>& name) {
    for (std::size_t i = 0; i < count; ++i)
        if (name && *name == name_of(static_cast<Enum>(i))) return static_cast<int>(i);
    return -1;
}

// "name=value" behind the first word of a line.
std::optional<std::string> field(const std::string& line, const std::string& name) {
    const std::size_t at = line.find(" " + name + "=");
    if (at == std::string::npos) return std::nullopt;
    const std::size_t begin = at + name.size() + 2;
    return line.substr(begin, line.find(' ', begin) - begin);
}
std::uint64_t number(const std::string& line, const std::string& name) {
    const auto text = field(line, name);
    return text ? std::strtoull(text->c_str(), nullptr, 10) : 0;
}

bool read_line(plan& into, const std::string& line) {
    const std::string word = line.substr(0, line.find(' '));
    const std::string rest = line.size() > word.size() ? line.substr(word.size() + 1) : "";
    if (word == "component") into.component = rest;
    else if (word == "class") into.fault_class = rest;
    else if (word == "memory_bytes") into.memory_bytes = std::strtoull(rest.c_str(), nullptr, 10);
    else if (word == "seed") into.seed = std::strtoull(rest.c_str(), nullptr, 10);
    else if (word == "durability") into.durability = rest;
    else if (word == "segment_bytes") into.segment_bytes = std::strtoull(rest.c_str(), nullptr, 10);
    else if (word == "sync_period_us")
        into.sync_period_us = std::strtoll(rest.c_str(), nullptr, 10);
    else if (word == "checkpoint_log_bytes")
        into.checkpoint_log_bytes = std::strtoull(rest.c_str(), nullptr, 10);
    else if (word == "schedule") into.drawn_schedule = rest == "drawn";
    else if (word == "round") {
        const int end = index_of(ends, field(line, "end").value_or(""));
        if (end < 0) return false;
        into.rounds.push_back({number(line, "crash_at_io"),
                               static_cast<crash_mode>(end),
                               number(line, "closes") != 0,
                               number(line, "disk_blocks"),
                               {},
                               {}});
    } else if (word == "fault" && !into.rounds.empty()) {
        fault made;
        const int kind = index_of_name<fault_kind>(fault_kind_count, field(line, "kind"));
        const int after = index_of(sync_failures, field(line, "after_sync").value_or("keeps"));
        if (kind < 0 || after < 0 || number(line, "one_in") == 0) return false;
        made.kind = static_cast<fault_kind>(kind);
        made.on = io_kinds::from_bits(static_cast<std::uint32_t>(number(line, "on")));
        made.code = field(line, "code") == "no_space" ? error_code::no_space : error_code::io;
        made.nth = number(line, "nth");
        made.one_in = number(line, "one_in");
        made.count = number(line, "count");
        made.after_sync = static_cast<failed_sync>(after);
        into.rounds.back().faults.push_back(made);
    } else if (word == "thread" && !into.rounds.empty()) {
        std::istringstream operations{rest};
        into.rounds.back().threads.emplace_back();
        for (std::uint32_t each = 0; operations >> each;)
            into.rounds.back().threads.back().push_back(each);
    } else {
        return word.empty() || word[0] == '#';
    }
    return true;
}

}  // namespace

static_assert(static_cast<int>(crash_mode::drop_unsynced) == 0);
static_assert(static_cast<int>(crash_mode::random_subset) == 1);
static_assert(static_cast<int>(crash_mode::process_only) == 2);

plan draw_plan(std::uint64_t seed, const std::string& component) {
    dice roll{seed * 0x9e3779b97f4a7c15 + 1};
    plan made;
    made.component = component;
    made.seed = seed;
    made.durability = durabilities[roll(4) % 3];  // group_commit twice as often
    made.segment_bytes = 8 * KiB << roll(4);
    made.sync_period_us = roll(2) == 0 ? 1000 : 20'000;
    made.drawn_schedule = roll(2) == 0;
    const std::uint64_t weather = roll(4);  // peace, trouble twice as often, and lies
    for (std::uint64_t left = 2 + roll(4); left > 0; --left)
        made.rounds.push_back(draw_round(roll, weather != 0, weather == 3));
    if (roll(6) == 0) {  // made, and made again, before it was ever whole
        made.rounds[0].crash_at_io = 7 + roll(5);
        made.rounds[0].end = crash_mode::process_only;
        made.rounds[1].crash_at_io = 8 + roll(12);
        made.rounds[1].end = crash_mode::random_subset;
    }
    if (roll(3) != 0) made.checkpoint_log_bytes = 4 * KiB << roll(6);
    return made;
}

std::string text_of(const plan& of) {
    std::ostringstream text;
    text << "component " << of.component << "\nmemory_bytes " << of.memory_bytes << "\nseed "
         << of.seed << "\ndurability " << of.durability << "\nsegment_bytes " << of.segment_bytes
         << "\nsync_period_us " << of.sync_period_us
         << "\ncheckpoint_log_bytes " << of.checkpoint_log_bytes << "\nschedule "
         << (of.drawn_schedule ? "drawn" : "random") << "\n";
    if (!of.fault_class.empty()) text << "class " << of.fault_class << "\n";
    for (const round& each : of.rounds) {
        text << "round crash_at_io=" << each.crash_at_io
             << " end=" << ends[static_cast<int>(each.end)] << " closes=" << each.closes
             << " disk_blocks=" << each.disk_blocks << "\n";
        for (const fault& made : each.faults)
            text << "fault kind=" << name_of(made.kind) << " on=" << made.on.bits()
                 << " code=" << (made.code == error_code::no_space ? "no_space" : "io")
                 << " nth=" << made.nth << " one_in=" << made.one_in << " count=" << made.count
                 << " after_sync=" << sync_failures[static_cast<int>(made.after_sync)] << "\n";
        for (const auto& thread : each.threads) {
            text << "thread";
            for (const std::uint32_t operation : thread) text << " " << operation;
            text << "\n";
        }
    }
    return text.str();
}

std::optional<plan> read_plan(const std::string& text) {
    plan made;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);)
        if (!read_line(made, line)) return std::nullopt;
    if (made.rounds.empty() || index_of(durabilities, made.durability) < 0) return std::nullopt;
    return made;
}

}  // namespace simulate
