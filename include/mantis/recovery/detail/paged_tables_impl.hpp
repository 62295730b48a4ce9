// SPDX-License-Identifier: BSL-1.0
//
// How tables in pages are opened, made, dropped and committed. Included by paged_tables.hpp.
#pragma once

#include "../paged_tables.hpp"

namespace mantis {

// --- opening -------------------------------------------------------------------------------------

template <platform Platform, checksum_policy Checksum>
result<void> paged_tables<Platform, Checksum>::load() {
    auto found = load_manifest();
    if (!found) return std::move(found).error();
    if (auto opened = disk_.opened(); !opened) return opened;
    if (auto noted = note_pages(); !noted) return noted;
    if (options_.read_only && !options_.changes_stay_in_memory) pool_.stop();
    last_ = {found->sequence, found->epoch, found->checkpoint};
    written_before_ = committed_figures_.bytes_written;
    for (const detail::table_root& each : committed_roots_.all()) tables_.add(each);
    return success();
}

template <platform Platform, checksum_policy Checksum>
result<manifest_state> paged_tables<Platform, Checksum>::load_manifest() {
    const auto take = [this](const manifest_edit& edit) { return this->take(edit); };
    if (options_.read_only) {
        auto read = read_manifest<Platform, Checksum>(*directory_, options_.database,
                                                      options_.at_least, take);
        const bool none = !read && read.error().code() == error_code::not_found;
        if (!none || !options_.changes_stay_in_memory || options_.at_least != 0) return read;
        if (auto lost = no_data_segments(); !lost) return lost.error();
        return manifest_state{};
    }
    auto opened =
        manifest_type::open(world_, *directory_, options_.database, options_.at_least, take);
    if (!opened && opened.error().code() == error_code::not_found && options_.at_least == 0)
        opened = make_manifest();
    if (!opened) return std::move(opened).error();
    manifest_.emplace(*std::move(opened));
    return manifest_->state();
}

// Data segments are made after the first manifest, so without one they are what is left of a
// database that lost it.
template <platform Platform, checksum_policy Checksum>
result<void> paged_tables<Platform, Checksum>::no_data_segments() {
    const auto names = directory_->list();
    if (!names) return names.error();
    for (const bytes& name : *names)
        if (std::uint32_t number; parse_data_segment_name(name, number))
            return error{error_code::corrupt, "making a manifest: there are pages already"}.about(
                name);
    return success();
}

template <platform Platform, checksum_policy Checksum>
auto paged_tables<Platform, Checksum>::make_manifest() -> result<manifest_type> {
    if (auto lost = no_data_segments(); !lost) return lost.error();
    return manifest_type::create(world_, *directory_, options_.database, 0, {},
                                 [](auto&) { return success(); });
}

// A kind that is not known here was written by a later version, and a rewriting would lose it.
template <platform Platform, checksum_policy Checksum>
result<void> paged_tables<Platform, Checksum>::take(const manifest_edit& edit) {
    if (edit.kind == manifest_edit_kind::page_map) return disk_.load(edit.value);
    if (edit.kind == manifest_edit_kind::figures) {
        const auto figures = detail::decode_manifest_figures(edit.value);
        if (!figures) return figures.error();
        committed_figures_ = *figures;
        return success();
    }
    if (edit.kind != manifest_edit_kind::root)
        return error{error_code::mismatch, "reading a manifest: an edit of an unknown kind"}.with(
            "kind", static_cast<std::uint64_t>(edit.kind));
    const auto root = detail::decode_table_root(edit.value);
    if (!root) return root.error();
    committed_roots_.set(*root);
    return success();
}

// A page that the pool could not even have alone is told now. So what the numbers take stays in
// proportion to the pool, whatever the manifest says.
template <platform Platform, checksum_policy Checksum>
result<void> paged_tables<Platform, Checksum>::note_pages() {
    const array_translation<Platform> alone;
    for (page_id from{1}; from.value != 0;) {
        const page_delta_part some = disk_.snapshot(from, pages_per_edit);
        for (const page_change& each : some.part.changes) {
            if (each.now.place.size() != options_.pool.page_bytes)
                return error{error_code::mismatch,
                             "opening a database: its pages have another size"}
                    .with("bytes", each.now.place.size())
                    .with("expected_bytes", options_.pool.page_bytes);
            if (const std::size_t bytes = alone.bytes_to_cover(each.page);
                bytes > pool_.translation_limit())
                return error{error_code::out_of_memory,
                             "opening a database: the pool's translation has no room for its pages"}
                    .with("page", each.page.value)
                    .with("bytes", bytes)
                    .with("limit", pool_.translation_limit());
            if (auto noted = numbers_.note_used(each.page); !noted) return noted;
        }
        from = some.next;
    }
    for (const detail::table_root& each : committed_roots_.all())
        if (!numbers_.is_taken(each.root))
            return error{error_code::corrupt, "opening a table: its root is not there"}
                .with("table", each.table.value)
                .with("page", each.root.value);
    numbers_.ask_for_room();
    return success();
}

// --- tables --------------------------------------------------------------------------------------

template <platform Platform, checksum_policy Checksum>
auto paged_tables<Platform, Checksum>::make_table(table_id table) -> result<table_type> {
    const auto there = [&] {
        return error{error_code::already_exists, "making a table"}.with("table", table.value);
    };
    if (auto refused = writable(); !refused) return std::move(refused).error();
    if (find(table) != nullptr) return there();
    (void)wake();
    if (auto room = pool_.admit_more(2); !room) return std::move(room).error();
    const auto root = numbers_.take();
    if (!root) return root.error();
    auto made = tree_type::create(pool_, numbers_, table, *root);
    live_table* const about = made ? add({table, *root}) : nullptr;
    if (about != nullptr) return table_type{*made, *about};
    free_page(*root);
    if (!made) return std::move(made).error();
    return there();
}

// After the second step no page is dirty of an earlier epoch, and none becomes so before this
// change of pages is over: nothing behind it can fail.
template <platform Platform, checksum_policy Checksum>
result<void> paged_tables<Platform, Checksum>::drop_table(table_id table) {
    constexpr const char* doing = "dropping a table";
    if (auto refused = writable(); !refused) return refused;
    const auto not_there = [&] {
        return error{error_code::not_found, doing}.with("table", table.value);
    };
    const live_table* const about = find(table);
    if (about == nullptr) return not_there();
    detail::tree_page_list<pool_type> list{pool_, table, numbers_.used_count()};
    auto listed = list.add_all(about->root);
    for (std::size_t at = 0; listed && at < list.pages().size(); ++at)
        if (!numbers_.is_taken(list.pages()[at])) listed = list.corrupt(list.pages()[at]);
    if (!listed && find(table) != about) return not_there();  // another thread was faster
    if (!listed) return std::move(listed.error()).within(doing);
    if (auto written = pool_.write_epoch(numbers_.epoch() - 1); !written)
        return std::move(written.error()).within(doing);
    if (!remove(table)) return not_there();
    for (const page_id page : list.pages()) free_page(page);
    return success();
}

// --- admitting -----------------------------------------------------------------------------------

template <platform Platform, checksum_policy Checksum>
result<void> paged_tables<Platform, Checksum>::admit(std::uint64_t put_bytes, std::uint64_t entries,
                                                     bool grows) {
    constexpr const char* doing = "admitting changes of tables";
    constexpr std::uint64_t most = std::uint64_t{1} << 40;
    if (auto refused = writable(); !refused) return refused;
    if (put_bytes > most || entries > most)
        return error{error_code::too_large, doing}.with("bytes", put_bytes).with("rows", entries);
    if (disk_.is_resting() && !wake() && grows && disk_.is_resting())
        return error{error_code::no_space, "admitting changes of tables: the reserve is small"};
    const bool is_row = grows && detail::is_small_row(put_bytes, entries, options_.pool.page_bytes);
    const std::uint64_t takes = numbers_.takes();
    if (is_row && takes == row_known_at_ && row_credit_ <= credit_ && !disk_.is_tight()) {
        credit_ -= row_credit_;
        return success();
    }
    std::uint64_t height = 1;
    if (grows) {
        const auto greatest = greatest_height();
        if (!greatest) return error{greatest.error()}.within(doing);
        height = *greatest;
    }
    const detail::commit_bounds most_made = detail::bounds_of(
        {put_bytes, entries, grows}, height, numbers_.used_count(), options_.pool.page_bytes);
    if (grows)
        if (auto covered = has_translation(most_made.pages); !covered) return covered;
    const std::uint64_t most_bytes =
        (most_made.images + 2 * most_made.pages) * options_.pool.page_bytes;
    if (disk_has_plenty(most_bytes)) {
        // As long as no page is taken, all that goes into it stays or becomes less.
        if (is_row) row_known_at_ = takes;
        if (is_row) row_credit_ = most_bytes;
        return success();
    }
    if (grows)
        if (auto room = numbers_.admit(most_made.pages); !room)
            return std::move(room.error()).within(doing);
    const std::uint64_t besides = grows ? disk_.whole_reserve(options_.pool.page_bytes) / 2 : 0;
    if (auto room = pool_.admit(most_made.images, besides); !room)
        return std::move(room.error()).within(doing);
    return success();
}

// A share of the free space is a credit, of which each commit takes what it might need, and nearly
// none does: so the disk is seldom asked. The rest is for what commits do not count: cleaning, the
// manifest, the log. A new page has an image, one in the reserve, and something of both. One commit
// that is larger may have half of the free space, and leaves no credit.
template <platform Platform, checksum_policy Checksum>
bool paged_tables<Platform, Checksum>::disk_has_plenty(std::uint64_t bytes) {
    constexpr std::uint64_t share = plenty_share;
    if (!options_.spare) return true;
    if (disk_.is_tight()) {
        credit_ = 0;  // a promise that is made now would not count what that lets in later
        return false;
    }
    if (bytes > credit_) {
        const auto free = directory_->free_bytes();
        const std::uint64_t besides = 4 * std::uint64_t{options_.segment_bytes};
        const auto part = [&](std::uint64_t of) {
            return free && *free / of > besides ? *free / of - besides : 0;
        };
        credit_ = part(share);
        if (bytes > credit_) credit_ = bytes <= part(2) ? bytes : 0;
        if (bytes > credit_) return false;
        pool_.end_admitting();
    }
    credit_ -= bytes;
    return true;
}

// It grows only where pages are taken.
template <platform Platform, checksum_policy Checksum>
result<std::uint64_t> paged_tables<Platform, Checksum>::greatest_height() {
    const std::uint64_t takes = numbers_.takes();
    if (takes == height_known_at_) return height_;
    std::uint64_t greatest = 1;
    for (const table_id each : tables()) {
        const auto seen = table(each);
        const auto height = seen ? seen->height() : error{seen.error()};
        if (!height && height.error().code() == error_code::not_found) continue;  // dropped by now
        if (!height) return height.error();
        if (*height > greatest) greatest = *height;
    }
    height_ = greatest;
    height_known_at_ = takes;
    return height_;
}

// Numbers are taken from the lowest on.
template <platform Platform, checksum_policy Checksum>
result<void> paged_tables<Platform, Checksum>::has_translation(std::uint64_t pages) {
    const std::uint64_t wanted = numbers_.used_count() + pages;
    const std::uint64_t highest = numbers_.highest().value;
    if (wanted <= highest) return success();
    const std::uint64_t bytes = 4 * (wanted + wanted / 7 + 64);
    if (bytes <= pool_.translation_limit()) return success();
    return error{error_code::out_of_memory,
                 "admitting changes of tables: the pool's translation has no room for their pages"}
        .with("bytes", bytes)
        .with("limit", pool_.translation_limit());
}

// --- checkpoints ---------------------------------------------------------------------------------

template <platform Platform, checksum_policy Checksum>
template <class Barrier>
result<checkpoint_figures> paged_tables<Platform, Checksum>::checkpoint(Barrier barrier) {
    constexpr const char* doing = "making a checkpoint";
    const lock_guard<mutex> turn{turn_};
    if (auto refused = may_commit(); !refused) return std::move(refused).error().within(doing);
    const nanoseconds begun = world_.now();
    const page_store_stats before = disk_.stats();
    const auto at = pass(barrier);
    if (!at) return error{at.error()}.within(doing);
    const auto changed = write_pages(*at);
    if (!changed) return error{changed.error()}.within(doing);
    if (auto done = commit(*at, *changed); !done) return std::move(done.error()).within(doing);
    checkpoint_figures figures;
    if (rewrite_due())
        if (auto done = rewrite_grown_manifest(); !done)
            figures.not_rewritten = std::move(done.error());
    const page_store_stats after = disk_.stats();
    figures.made = last_checkpoint();
    figures.pages = numbers_.used_count();
    figures.pages_changed = *changed;
    figures.images_written = after.images_written - before.images_written;
    figures.bytes_written = after.bytes_written - before.bytes_written;
    figures.disk_bytes = after.disk_bytes;
    figures.live_bytes = after.live_bytes;
    figures.barrier = at->length;
    figures.elapsed = world_.now() - begun;
    return figures;
}

// Step 1.
template <platform Platform, checksum_policy Checksum>
template <class Barrier>
auto paged_tables<Platform, Checksum>::pass(Barrier& barrier) -> result<moment> {
    moment at;
    result<void> passed = barrier([&](lsn position) { note(position, at); });
    if (!passed) return std::move(passed).error();
    check(at.noted, "the barrier of a checkpoint did not call back");
    if (at.position < last_checkpoint().position)
        return error{error_code::invalid_argument, "making a checkpoint: its position goes back"}
            .with("lsn", at.position.value)
            .with("last", last_checkpoint().position.value);
    return at;
}

template <platform Platform, checksum_policy Checksum>
void paged_tables<Platform, Checksum>::note(lsn position, moment& at) {
    check(!at.noted, "the barrier of a checkpoint called back twice");
    const nanoseconds begun = world_.now();
    at.noted = true;
    at.position = position;
    at.epoch = pool_.begin_epoch();
    credit_ = 0;
    numbers_.next_epoch(at.epoch);
    // The reserve of the store has room for that.
    pool_.limit_side_copies(static_cast<std::uint32_t>(numbers_.used_count() / 16 + 16));
    disk_.begin_commit(at.epoch);
    {
        const lock_guard<mutex> hold{mutex_};
        at.roots = tables_.roots();
    }
    at.length = world_.now() - begun;
}

// Steps 2 and 3.
template <platform Platform, checksum_policy Checksum>
result<std::uint64_t> paged_tables<Platform, Checksum>::write_pages(const moment& at) {
    if (auto written = pool_.write_epoch(at.epoch); !written) return std::move(written.error());
    clean_behind();
    auto changed = disk_.prepare(at.epoch);
    if (!changed) pool_.stop();
    return changed;
}

// Where most pages have changed, few are left in each segment of before. Without this they would
// keep its file until the checkpoint after the next, or longer where more come than clean() takes.
// What is moved is at most a quarter of what goes, and an eighth of what lives. On a full disk the
// reserve is left to who needs it.
template <platform Platform, checksum_policy Checksum>
void paged_tables<Platform, Checksum>::clean_behind() {
    constexpr unsigned nearly_empty_percent = 25;
    const std::uint64_t most = disk_.stats().newest_bytes / 8;
    disk_.leave_for_commit(pool_.unwritten_images() * pool_.page_bytes());
    for (std::uint64_t moved = 0; moved <= most && !disk_.is_tight();) {
        const auto cleaned = cleaner_.clean_once(nearly_empty_percent);
        if (!cleaned || cleaned->bytes_moved == 0) return;
        moved += cleaned->bytes_moved;
    }
}

// Steps 4 and 5.
template <platform Platform, checksum_policy Checksum>
result<void> paged_tables<Platform, Checksum>::commit(const moment& at, std::uint64_t changed) {
    const std::uint64_t epoch = manifest_->state().epoch + 1;
    const detail::manifest_figures now{written_before_ + disk_.stats().bytes_written};
    const auto produce = [&](auto& to) {
        const auto part = [&](page_id from) { return disk_.changes(from, pages_per_edit); };
        if (auto added = add_pages(to, part); !added) return added;
        if (auto added = add_figures(to, now); !added) return added;
        return at.roots.for_each_change(committed_roots_, [&](const detail::table_root& root) {
            return to.add(manifest_edit_kind::root, detail::encode_table_root(root));
        });
    };
    auto appended = manifest_->append(epoch, at.position, produce);
    // Without the manifest nothing would ever be free again.
    const std::uint64_t needed = delta_bytes(changed) + at.roots.all().size() * 64;
    if (!appended && appended.error().code() == error_code::no_space && disk_.lend_spares(needed)) {
        appended = manifest_->append(epoch, at.position, produce);
        disk_.end_lending();
    }
    if (!appended) {
        disk_.not_committed(at.epoch);
        if (manifest_->read_only()) pool_.stop();
        return appended;
    }
    disk_.committed(at.epoch);
    numbers_.ask_for_room();
    committed_roots_ = at.roots;
    committed_figures_ = now;
    const lock_guard<mutex> hold{mutex_};
    last_ = {manifest_->sequence(), epoch, at.position};
    return success();
}

template <platform Platform, checksum_policy Checksum>
template <class Edits, class PartFrom>
result<void> paged_tables<Platform, Checksum>::add_pages(Edits& to, PartFrom part_from) {
    for (page_id from{1}; from.value != 0;) {
        const page_delta_part some = part_from(from);
        if (some.part.changes.empty()) break;
        const auto added = to.add(manifest_edit_kind::page_map, some.part.encode());
        if (!added) return added;
        from = some.next;
    }
    return success();
}

// Step 6.
template <platform Platform, checksum_policy Checksum>
result<void> paged_tables<Platform, Checksum>::rewrite_manifest() {
    auto done = manifest_->rewrite([&](auto& to) -> result<void> {
        const auto part = [&](page_id from) { return disk_.snapshot(from, pages_per_edit); };
        if (auto added = add_pages(to, part); !added) return added;
        if (auto added = add_figures(to, committed_figures_); !added) return added;
        return committed_roots_.for_each_change({}, [&](const detail::table_root& root) {
            return to.add(manifest_edit_kind::root, detail::encode_table_root(root));
        });
    });
    if (!done && manifest_->read_only()) pool_.stop();
    return done;
}

// On a full disk it gets the space of spares: the manifest before, which is larger, gives that
// back.
template <platform Platform, checksum_policy Checksum>
result<void> paged_tables<Platform, Checksum>::rewrite_grown_manifest() {
    auto done = rewrite_manifest();
    if (done || done.error().code() != error_code::no_space || manifest_->read_only()) return done;
    const manifest_state& now = manifest_->state();
    const std::uint64_t needed = delta_bytes(numbers_.used_count()) + now.snapshot_bytes;
    if (needed > now.bytes || !disk_.lend_spares(needed)) return done;
    done = rewrite_manifest();
    disk_.end_lending();
    return done;
}

}  // namespace mantis
