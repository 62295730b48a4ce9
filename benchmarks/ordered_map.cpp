// SPDX-License-Identifier: BSL-1.0
//
// How fast and how small sorted maps in memory are, one thread, values of 8 bytes.
//
//   ordered_map [--quick] [--json] [--only CASE]
//
//   numbers  10,000,000 keys of 8 random bytes
//   words    2,500,000 strings of 16 to 64 random letters
//   paths    2,500,000 strings with a common beginning of 13 letters and random digits
//
// A sample builds a map from nothing by one insert a key, in random order; finds half of the keys,
// in another order; walks over all entries; erases a quarter of them; and counts the memory that it
// took from the system's allocator, with what the keys hold. All are given the same keys.
//
//   judy     JudyL, and JudySL for strings, which ends them at a zero byte
//   tbb      concurrent_map, which locks nothing and pays for that; its erase is not for several
//            threads, so it is left out
#include "measure.hpp"

#include <malloc.h>
#include <mantis/index/btree/btree_map.hpp>

#include <map>
#include <random>

#if defined(PEER_HAVE_ABSL_BTREE)
#include <absl/container/btree_map.h>
#endif
#if defined(PEER_HAVE_TBB)
#include <oneapi/tbb/concurrent_map.h>
#endif
#if defined(PEER_HAVE_JUDY)
#include <Judy.h>
#endif

namespace {

using measure::clock_type;
using measure::give_up;
using number = std::uint64_t;

template <class Key>
struct key_set {
    std::vector<Key> inserted;
    std::vector<Key> sought;
    std::vector<Key> erased;
};

template <class Key>
key_set<Key> shuffled(std::vector<Key> keys) {
    std::mt19937_64 random{7};
    key_set<Key> made{keys, std::move(keys), {}};
    std::shuffle(made.sought.begin(), made.sought.end(), random);
    made.sought.resize(made.sought.size() / 2);
    made.erased = made.inserted;
    std::shuffle(made.erased.begin(), made.erased.end(), random);
    made.erased.resize(made.erased.size() / 4);
    return made;
}

key_set<number> numbers(std::size_t count) {
    std::mt19937_64 random{1};
    std::vector<number> keys(count);
    for (number& each : keys) each = random();
    return shuffled(std::move(keys));
}
key_set<std::string> words(std::size_t count) {
    std::mt19937_64 random{2};
    std::vector<std::string> keys(count);
    for (std::string& each : keys) {
        each.resize(16 + random() % 49);
        for (char& letter : each) letter = static_cast<char>('a' + random() % 26);
    }
    return shuffled(std::move(keys));
}
key_set<std::string> paths(std::size_t count) {
    std::mt19937_64 random{3};
    std::vector<std::string> keys(count);
    for (std::string& each : keys) each = "user/profile/" + std::to_string(random());
    return shuffled(std::move(keys));
}

// --- what is measured: insert, find, sum and erase over a map ---

// Maps with the manners of std::map.
template <class Map, class Key>
struct standard {
    static constexpr bool erases = true;

    void insert(const Key& key, number value) { map_.emplace(key, value); }
    [[nodiscard]] number find(const Key& key) const { return map_.find(key)->second; }
    [[nodiscard]] number sum() const {
        number all = 0;
        for (const auto& each : map_) all += each.second;
        return all;
    }
    void erase(const Key& key) { map_.erase(key); }

private:
    Map map_;
};

#if defined(PEER_HAVE_TBB)
template <class Key>
struct tbb_map {
    static constexpr bool erases = false;

    void insert(const Key& key, number value) { map_.emplace(key, value); }
    [[nodiscard]] number find(const Key& key) const { return map_.find(key)->second; }
    [[nodiscard]] number sum() const {
        number all = 0;
        for (const auto& each : map_) all += each.second;
        return all;
    }
    void erase(const Key&) {}

private:
    // The system's allocator, so that its memory is counted as that of the others.
    tbb::concurrent_map<Key, number, std::less<Key>, std::allocator<std::pair<const Key, number>>>
        map_;
};
#endif

#if defined(PEER_HAVE_JUDY)
number* judy_value(PPvoid_t at) { return reinterpret_cast<number*>(at); }

struct judy_numbers {
    static constexpr bool erases = true;

    judy_numbers() = default;
    judy_numbers(const judy_numbers&) = delete;
    judy_numbers& operator=(const judy_numbers&) = delete;
    ~judy_numbers() { JudyLFreeArray(&array_, PJE0); }

    void insert(number key, number value) { *judy_value(JudyLIns(&array_, key, PJE0)) = value; }
    [[nodiscard]] number find(number key) const { return *judy_value(JudyLGet(array_, key, PJE0)); }
    [[nodiscard]] number sum() const {
        number all = 0;
        Word_t key = 0;
        for (PPvoid_t at = JudyLFirst(array_, &key, PJE0); at != nullptr;
             at = JudyLNext(array_, &key, PJE0))
            all += *judy_value(at);
        return all;
    }
    void erase(number key) { JudyLDel(&array_, key, PJE0); }

private:
    void* array_ = nullptr;
};

struct judy_strings {
    static constexpr bool erases = true;
    static constexpr std::size_t longest = 64;

    judy_strings() = default;
    judy_strings(const judy_strings&) = delete;
    judy_strings& operator=(const judy_strings&) = delete;
    ~judy_strings() { JudySLFreeArray(&array_, PJE0); }

    void insert(const std::string& key, number value) {
        *judy_value(JudySLIns(&array_, text(key), PJE0)) = value;
    }
    [[nodiscard]] number find(const std::string& key) const {
        return *judy_value(JudySLGet(array_, text(key), PJE0));
    }
    [[nodiscard]] number sum() const {
        number all = 0;
        std::uint8_t key[longest + 1] = {};
        for (PPvoid_t at = JudySLFirst(array_, key, PJE0); at != nullptr;
             at = JudySLNext(array_, key, PJE0))
            all += *judy_value(at);
        return all;
    }
    void erase(const std::string& key) { JudySLDel(&array_, text(key), PJE0); }

private:
    static const std::uint8_t* text(const std::string& key) {
        return reinterpret_cast<const std::uint8_t*>(key.c_str());
    }
    void* array_ = nullptr;
};
#endif

double nanoseconds_each(clock_type::time_point begun, std::size_t count) {
    return measure::seconds_since(begun) * 1e9 / static_cast<double>(count);
}
double allocated_bytes() {
    const struct mallinfo2 now = ::mallinfo2();
    return static_cast<double>(now.uordblks + now.hblkhd);
}

template <class Map, class Key>
measure::sample measure_map(const key_set<Key>& keys) {
    const double before = allocated_bytes();
    auto begun = clock_type::now();
    Map map;
    number value = 0;
    for (const Key& key : keys.inserted) map.insert(key, ++value);
    const double insert = nanoseconds_each(begun, keys.inserted.size());
    const double memory = (allocated_bytes() - before) / static_cast<double>(keys.inserted.size());

    begun = clock_type::now();
    number found = 0;
    for (const Key& key : keys.sought) found += map.find(key) != 0 ? 1 : 0;
    const double find = nanoseconds_each(begun, keys.sought.size());
    if (found != keys.sought.size()) give_up("a map has lost a key");

    begun = clock_type::now();
    const number sum = map.sum();
    const double scan = nanoseconds_each(begun, keys.inserted.size());
    if (sum != value * (value + 1) / 2) give_up("a map has lost a value");

    begun = clock_type::now();
    for (const Key& key : keys.erased) map.erase(key);
    const double erase = Map::erases ? nanoseconds_each(begun, keys.erased.size()) : 0;
    return {insert, find, scan, erase, memory};
}

template <class Map, class Key>
measure::subject subject_of(const char* name, const key_set<Key>& keys) {
    return {name,
            std::string{name}.starts_with("mantis") ? measure::role::ours : measure::role::peer,
            [&keys] { return measure_map<Map>(keys); }};
}

template <class Key>
measure::comparison comparison_of(const char* name, const key_set<Key>& keys, unsigned rounds) {
    using measure::goal;
    measure::comparison made{name,
                             1,
                             rounds,
                             {{"insert_ns", goal::less},
                              {"lookup_ns", goal::less},
                              {"scan_ns", goal::less},
                              {"erase_ns"},
                              {"bytes_per_entry", goal::less}}};
    auto& subjects = made.subjects;
    subjects.push_back(
        subject_of<standard<mantis::btree_map<Key, number>, Key>>("mantis-btree_map", keys));
    subjects.push_back(subject_of<standard<std::map<Key, number>, Key>>("std-map", keys));
#if defined(PEER_HAVE_ABSL_BTREE)
    subjects.push_back(
        subject_of<standard<absl::btree_map<Key, number>, Key>>("absl-btree_map", keys));
#endif
#if defined(PEER_HAVE_TBB)
    subjects.push_back(subject_of<tbb_map<Key>>("tbb-concurrent_map", keys));
#endif
#if defined(PEER_HAVE_JUDY)
    using judy = std::conditional_t<std::is_same_v<Key, number>, judy_numbers, judy_strings>;
    subjects.push_back(subject_of<judy>("judy", keys));
#endif
    return made;
}

}  // namespace

int main(int argc, char** argv) {
    const measure::settings chosen = measure::read_settings(argc, argv);
    if (!chosen.words.empty()) give_up("what is " + chosen.words.front() + "?");
    const auto many = chosen.either<std::size_t>(10'000'000, 200'000);
    const auto rounds = chosen.either(3u, 3u);
    const auto of_numbers = numbers(many);
    const auto of_words = words(many / 4);
    const auto of_paths = paths(many / 4);
    measure::run_cases(
        chosen, "ordered_map",
        {comparison_of("numbers", of_numbers, rounds), comparison_of("words", of_words, rounds),
         comparison_of("paths", of_paths, rounds)});
}
