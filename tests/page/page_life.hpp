// SPDX-License-Identifier: BSL-1.0
//
// The life of a page store for tests, as a buffer pool and a manifest would lead it: pages change
// in epochs, some of their images are written late, epochs end and are committed, and the test
// keeps the deltas that are durable and knows what each state was.
#pragma once

#include <mantis/core/detail/splitmix.hpp>
#include <mantis/page/segment_cleaner.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace page_test {

using namespace mantis;

inline constexpr database_id this_database{0x1122334455667788, 0x99aabbccddeeff00};

// What a page holds: another stamp, other bytes, and another size where stamp % 16 is another.
inline bytes image_of(std::uint64_t page, std::uint64_t stamp) {
    bytes image = bytes::zeros((1 + stamp % 16) * data_block_bytes);
    std::uint64_t state = page * 1'000'003 + stamp;
    for (std::size_t at = 0; at < image.size(); at += 8)
        store_le(image.data() + at, detail::splitmix64(state));
    return image;
}

using page_state = std::map<std::uint64_t, std::uint64_t>;  // page: stamp

// The deltas that are durable. Nobody knows whether the last one is, if `doubtful`.
struct page_manifest {
    std::vector<bytes> deltas;
    std::optional<bytes> doubtful;
    page_state state;
    page_state doubtful_state;
};

//   Returns     an empty text, or what is wrong: the store holds just these pages
template <class Store>
std::string difference(Store& store, const page_state& expected, std::uint64_t pages) {
    for (std::uint64_t page = 1; page <= pages; ++page) {
        const auto found = expected.find(page);
        const bytes image = image_of(page, found == expected.end() ? 0 : found->second);
        bytes seen = bytes::zeros(image.size());
        const auto done = store.read({page}, seen.data(), seen.size());
        const std::string which = "page " + std::to_string(page) + ": ";
        if (found == expected.end()) {
            if (done) return which + "there";
            if (done.error().code() != error_code::not_found)
                return which + done.error().message().template as<std::string>();
        } else if (!done) {
            return which + done.error().message().template as<std::string>();
        } else if (seen.view() != image.view()) {
            return which + "another image";
        }
    }
    return {};
}

//   Returns     an empty text, or what is told that is not so; errors are no lies, but for
//               not_found. `skipped` are pages of which nobody knows
template <class Store, class Skipped>
std::string lies(Store& store, const page_state& expected, std::uint64_t pages,
                 const Skipped& skipped) {
    for (std::uint64_t page = 1; page <= pages; ++page) {
        if (skipped.count(page) != 0) continue;
        const auto found = expected.find(page);
        const bool there = found != expected.end();
        const bytes image = image_of(page, there ? found->second : 0);
        bytes seen = bytes::zeros(image.size());
        const auto done = store.read({page}, seen.data(), seen.size());
        const std::string which = "page " + std::to_string(page) + ": ";
        if (done && !there) return which + "there";
        if (done && seen.view() != image.view()) return which + "another image";
        if (!done && done.error().code() == error_code::not_found && there &&
            done.error().number("errno") == nullptr)
            return which + done.error().message().template as<std::string>();
    }
    return {};
}

//   Requires    an epoch is prepared
template <class Store>
page_delta all_changes(Store& store) {
    return store.changes({1}, SIZE_MAX).part;
}

inline std::uint64_t bytes_of(const page_state& state) {
    std::uint64_t sum = 0;
    for (const auto& [page, stamp] : state) sum += image_of(page, stamp).size();
    return sum;
}

template <class Platform>
class page_life {
public:
    using store = page_store<Platform>;
    static constexpr std::uint64_t pages = 12;

    page_life(Platform world, page_manifest& manifest, std::uint64_t seed)
        : manifest_{&manifest}, draw_{seed} {
        auto opened = world.open_directory("db", directory_mode::create);
        if (opened) directory_.emplace(*std::move(opened));
    }

    static page_store_options options() {
        page_store_options chosen;
        chosen.database = this_database;
        chosen.segment_bytes = 64 * KiB;
        chosen.most_open_files = 2;
        return chosen;
    }
    //   Effects     opened with the deltas, with the doubtful one if it is asked for
    bool open(bool with_doubtful = false) {
        if (!directory_) return false;
        disk_.emplace(*directory_, options());
        for (const bytes& delta : manifest_->deltas)
            if (!note(disk_->load(delta))) return false;
        if (with_doubtful && !note(disk_->load(*manifest_->doubtful))) return false;
        if (!note(disk_->opened())) return false;
        now_ = with_doubtful ? manifest_->doubtful_state : manifest_->state;
        return true;
    }
    store& disk() { return *disk_; }
    const page_state& now() const { return now_; }
    // Pages whose last image the store has not taken yet.
    const auto& dirty_pages() const { return dirty_; }
    // What failed last.
    const std::string& why() const { return why_; }
    error_code code() const { return code_; }

    // A page changes, or goes.
    void change() {
        const std::uint64_t page = 1 + below(pages);
        const auto earlier = dirty_.find(page);
        const bool old = earlier != dirty_.end() && earlier->second.epoch < epoch_;
        if (below(5) == 0) return erase(page, old);
        if (old && !flush(page)) return;
        const std::uint64_t stamp = next_stamp(page);
        now_[page] = stamp;
        dirty_[page] = {epoch_, stamp};
        if (below(2) == 0) (void)flush(page);
    }
    void change(int count) {
        for (int i = 0; i < count; ++i) change();
    }
    //   Returns     the epoch that has ended
    std::uint32_t end_epoch() {
        at_end_ = now_;
        disk_->begin_commit(epoch_);
        return epoch_++;
    }
    //   Returns     whether the state at the end of the epoch is committed
    bool commit(std::uint32_t epoch) {
        for (auto at = dirty_.begin(); at != dirty_.end();) {
            const std::uint64_t page = at->first;
            const bool due = at->second.epoch <= epoch;
            ++at;
            if (due && !flush(page)) return false;
        }
        if (!note(disk_->prepare(epoch))) return false;
        if (doubts && below(4) == 0) {
            manifest_->doubtful = all_changes(*disk_).encode();
            manifest_->doubtful_state = at_end_;
            disk_->not_committed(epoch);
            return false;
        }
        make_durable(all_changes(*disk_));
        disk_->committed(epoch);
        return true;
    }
    void make_durable(const page_delta& delta) {
        if (manifest_->doubtful) check_over_doubtful(delta);
        manifest_->deltas.push_back(delta.encode());
        manifest_->doubtful.reset();
        manifest_->state = at_end_;
    }
    // Whole rounds, of which some images come after the end of their epoch, and beside those of the
    // next one.
    bool rounds(int count, int changes = 10) {
        for (int i = 0; i < count; ++i) {
            change(changes);
            const std::uint32_t ended = end_epoch();
            change(changes / 3);
            (void)commit(ended);
            if (after_commit != nullptr) after_commit(*this);
            if (code_ == error_code::read_only) return false;
        }
        return true;
    }

    bool doubts = false;  // some deltas are durable or not, nobody knows
    void (*after_commit)(page_life&) = nullptr;
    std::string wrong;  // empty: nothing

    std::uint64_t below(std::uint64_t end) { return detail::splitmix64(draw_) % end; }

private:
    struct dirty {
        std::uint32_t epoch;
        std::uint64_t stamp;
    };

    template <class Result>
    bool note(const Result& done) {
        if (done) return true;
        why_ = done.error().message().template as<std::string>();
        code_ = done.error().code();
        return false;
    }
    // Half of the time the page keeps its size.
    std::uint64_t next_stamp(std::uint64_t page) {
        ++stamp_;
        return stamp_ * 16 + (below(2) == 0 ? page % 16 : stamp_ % 16);
    }
    bool flush(std::uint64_t page) {
        const auto found = dirty_.find(page);
        if (found == dirty_.end()) return true;
        const dirty old = found->second;
        if (!note(disk_->write({page}, old.epoch, image_of(page, old.stamp)))) return false;
        dirty_.erase(page);
        return true;
    }
    // An image of an earlier epoch may come before or after the page is said to be gone.
    void erase(std::uint64_t page, bool old) {
        if (old && below(2) == 0 && !flush(page)) return;
        if (!note(disk_->erase({page}, epoch_))) return;
        now_.erase(page);
        if (old) (void)flush(page);
        else dirty_.erase(page);
    }
    // Whoever loads the doubtful delta too has to come to the same state.
    void check_over_doubtful(const page_delta& delta) {
        const page_delta first = decode_page_delta(*manifest_->doubtful).value();
        std::map<std::uint64_t, bool> told;
        for (const page_change& each : delta.changes) told[each.page.value] = true;
        for (const page_change& each : first.changes)
            if (told.count(each.page.value) == 0) wrong = "a doubtful change is not told again";
    }

    page_manifest* manifest_;
    std::uint64_t draw_;
    std::optional<typename Platform::directory> directory_;
    std::optional<store> disk_;
    std::map<std::uint64_t, dirty> dirty_;
    page_state now_;
    page_state at_end_;
    std::uint32_t epoch_ = 1;
    std::uint64_t stamp_ = 0;
    std::string why_;
    error_code code_ = error_code::invalid_argument;
};

}  // namespace page_test
