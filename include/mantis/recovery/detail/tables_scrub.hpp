// SPDX-License-Identifier: BSL-1.0
//
// Reads the manifest, and every image of a page that some state refers to, while others use the
// tables, make checkpoints and clean.
//
//   1. the manifest, up to the group that was the last one when this began: nothing before that is
//      written again. One that is damaged, and still the manifest then, is rewritten
//   2. the header of each data segment
//   3. the images, so many pages at a time. One that cannot be read as it was written counts only
//      if it is still referred to; if not, the page has another by now, and that is read. If the
//      page is in memory with just the bytes that the image had, it is put elsewhere
//
// Nothing is held while something is read or the sink is told, but for the repair of a manifest.
//
// Threads: one at a time, beside all else.
#pragma once

#include "../../index/btree/detail/page_access.hpp"
#include "../../index/btree/detail/slotted_layout.hpp"
#include "../../page/page_store.hpp"
#include "../../platform/guard.hpp"
#include "../page_damage.hpp"
#include "manifest_choice.hpp"

#include <optional>

namespace mantis::detail {

//   Returns     the table that a page says it is of, if it says which page it is, too
[[nodiscard]] inline table_id table_named_in(bytes_view image, page_id page) noexcept {
    if (image.size() < sizeof(node_header)) return {};
    const auto seen = node_header_words::load<plain_access>(image.data());
    return seen.page() == page.value ? table_id{seen.table()} : table_id{};
}

template <class Tables, class Sink>
class tables_scrub {
public:
    //   Requires    they live longer
    tables_scrub(Tables& tables, Sink& sink) noexcept : tables_{&tables}, sink_{&sink} {}

    //   Returns     false: stopped
    bool run() { return look_at_manifest() && look_at_headers() && look_at_images(); }

private:
    static constexpr std::size_t pages_at_once = 256;

    struct noted {
        std::uint64_t generation = 0;
        std::uint64_t sequence = 0;
    };

    bool look_at_manifest() {
        const auto wanted = now();
        if (!wanted) return true;  // its directory cannot be read; the segments tell
        sink_->add_file();
        page_damage what;
        bool stopped = false;
        if (is_whole(*wanted, what, stopped) || stopped) return !stopped;
        const lock_guard<typename Tables::mutex> turn{tables_->turn_};
        if (tables_->manifest_) {
            if (tables_->manifest_->state().generation != wanted->generation) return true;
            what.restored = tables_->writable() && tables_->rewrite_manifest();
        }
        sink_->found(std::move(what));
        return true;
    }
    [[nodiscard]] std::optional<noted> now() {
        const lock_guard<typename Tables::mutex> turn{tables_->turn_};
        if (tables_->manifest_)
            return noted{tables_->manifest_->state().generation, tables_->manifest_->sequence()};
        const auto names = find_manifests(*tables_->directory_);
        if (!names) return std::nullopt;
        return noted{names->newest, tables_->last_checkpoint().sequence};
    }
    bool is_whole(const noted& wanted, page_damage& what, bool& stopped) {
        using reader_type = typename Tables::manifest_reader_type;
        what.file = manifest_name(wanted.generation);
        auto reader =
            reader_type::open(*tables_->directory_, wanted.generation, tables_->options_.database);
        if (!reader) {
            what.code = reader.error().code();
            return false;
        }
        std::uint64_t spent = 0;
        const auto pay = [&](std::uint64_t read) {
            stopped = !sink_->spend(read - spent);
            spent = read;
            return !stopped;
        };
        const auto seen = reader->verify(pay);
        if (stopped || reader->state().sequence >= wanted.sequence) return true;
        what.offset = reader->state().bytes;
        if (seen) {
            what.code = error_code::corrupt;  // the last group looks like one that was never whole
        } else {
            what.code = seen.error().code();
            if (const std::uint64_t* const at = seen.error().number("offset")) what.offset = *at;
        }
        return false;
    }

    bool look_at_headers() {
        for (const std::uint32_t number : tables_->disk_.segments()) {
            sink_->add_file();
            const auto sound = tables_->disk_.check_header(number);
            if (!sound && tables_->disk_.has_segment(number)) {
                page_damage what;
                what.code = sound.error().code();
                what.file = data_segment_name(number);
                if (what.code == error_code::not_found) missing_.push_back(number);
                sink_->found(std::move(what));
            }
            if (!sink_->spend(data_header_bytes)) return false;
        }
        return true;
    }

    bool look_at_images() {
        for (page_id from{1}; from.value != 0;) {
            const live_images some = tables_->disk_.images(from, pages_at_once);
            for (const page_change& each : some.images)
                if (!look_at(each.page, each.now)) return false;
            from = some.next;
        }
        return true;
    }
    bool look_at(page_id page, const page_entry& entry) {
        bytes image;
        const auto sound = tables_->disk_.check_image(page, entry, image);
        if (!sink_->spend(entry.place.size())) return false;
        if (sound) {
            sink_->add_page();
            return true;
        }
        if (tables_->disk_.is_live(page, entry)) tell(page, entry, sound.error(), image);
        else return look_again(page, entry);
        return true;
    }
    // The page was changed, moved or freed meanwhile.
    bool look_again(page_id page, const page_entry& before) {
        std::vector<page_entry> seen{before};
        for (bool more = true; more;) {
            more = false;
            for (const page_change& each : tables_->disk_.images(page, 1).images) {
                bool is_new = each.page == page;
                for (const page_entry& other : seen) is_new = is_new && !(other == each.now);
                if (!is_new) continue;
                more = true;
                seen.push_back(each.now);
                bytes image;
                const auto sound = tables_->disk_.check_image(page, each.now, image);
                if (!sink_->spend(each.now.place.size())) return false;
                if (!sound && tables_->disk_.is_live(page, each.now))
                    tell(page, each.now, sound.error(), image);
            }
        }
        return true;
    }
    void tell(page_id page, const page_entry& entry, const error& why, const bytes& image) {
        if (why.code() == error_code::not_found && is_missing(entry.place.segment())) return;
        page_damage what;
        what.code = why.code();
        what.file = data_segment_name(entry.place.segment());
        what.offset = entry.place.offset();
        what.page = page;
        what.table = table_named_in(image, page);
        restore(entry, what);
        sink_->found(std::move(what));
    }
    void restore(const page_entry& entry, page_damage& what) {
        bytes there = bytes::zeros(entry.place.size());
        const bool in_memory = tables_->pool_.read_there(what.page, [&](const auto& seen) {
            if (seen.size() == there.size()) seen.copy(there.data(), 0, there.size());
        });
        if (!in_memory) return;
        if (const table_id named = table_named_in(there, what.page); named.value != 0)
            what.table = named;
        const lock_guard<typename Tables::mutex> turn{tables_->turn_};
        if (!tables_->writable()) return;
        const auto done = tables_->disk_.restore(what.page, entry, there);
        what.restored = done && *done;
    }
    [[nodiscard]] bool is_missing(std::uint32_t number) const noexcept {
        for (const std::uint32_t each : missing_)
            if (each == number) return true;
        return false;
    }

    Tables* tables_;
    Sink* sink_;
    std::vector<std::uint32_t> missing_;  // segments, which are told as a whole
};

}  // namespace mantis::detail
