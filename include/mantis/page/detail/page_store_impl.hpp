// SPDX-License-Identifier: BSL-1.0
//
// How a page store opens, writes and commits. Included by page_store.hpp.
#pragma once

#include "../page_store.hpp"

namespace mantis {

// --- opening -------------------------------------------------------------------------------------

template <platform Platform, checksum_policy Checksum>
result<void> page_store<Platform, Checksum>::load(bytes_view delta) {
    check(!opened_, "a page delta is loaded into a page store that is open");
    auto decoded = decode_page_delta(delta);
    if (!decoded) return std::move(decoded).error();
    if (decoded->database != options_.database || decoded->checksum_format != Checksum::format_id)
        return error{error_code::mismatch, "loading a page delta"}
            .with("checksum", decoded->checksum_format)
            .with("expected_checksum", Checksum::format_id);
    const lock_guard<mutex> hold{mutex_};
    if (decoded->next_segment > next_number_) next_number_ = decoded->next_segment;
    for (const page_change& each : decoded->changes) map_.load(each.page, each.now);
    return success();
}

template <platform Platform, checksum_policy Checksum>
result<void> page_store<Platform, Checksum>::opened() {
    check(!opened_ && segments_.all().empty(), "a page store is opened twice");
    if (auto done = count_references(); !done) return done;
    if (auto done = find_leftovers(); !done) return done;
    {
        const lock_guard<mutex> hold{mutex_};
        opened_ = true;
        failed_ = options_.read_only;
        if (!failed_) change_granted(0);
    }
    if (options_.read_only) return success();
    remove_leftovers();
    files_.remove_spares();
    make_spares();
    return success();
}

template <platform Platform, checksum_policy Checksum>
result<void> page_store<Platform, Checksum>::count_references() {
    map_.for_each_committed({1}, [&](page_id page, const page_entry& entry) {
        const page_place at = entry.place;
        segment* found = segments_.find(at.segment());
        if (found == nullptr) found = &segments_.add(at.segment());
        found->live_blocks += at.blocks();
        found->newest_blocks += at.blocks();
        found->note_image(page, at.blocks());
        const std::uint32_t end = at.block() + at.blocks();
        if (end > found->next_block) found->next_block = end;
        return true;
    });
    for (const auto& each : segments_.all()) {
        const auto verified = files_.verify(each->number);
        if (!verified) return verified.error();
        each->blocks = static_cast<std::uint32_t>(*verified / data_block_bytes);
        if (each->next_block > each->blocks || each->live_blocks > each->blocks)
            return error{error_code::corrupt, "opening a data segment: a page lies behind its end"}
                .about(data_segment_name(each->number))
                .with("bytes", *verified)
                .with("offset", std::uint64_t{each->next_block} * data_block_bytes);
        each->next_block = each->blocks;
    }
    return success();
}

// What is of another database was put here by mistake, and nobody's to remove.
template <platform Platform, checksum_policy Checksum>
result<void> page_store<Platform, Checksum>::find_leftovers() {
    const auto listed = files_.list();
    if (!listed) return listed.error();
    for (const std::uint32_t number : *listed) {
        if (number >= next_number_) {
            if (number == UINT32_MAX)
                return error{error_code::too_large, "opening a page store: no number is left"}
                    .about(data_segment_name(number));
            next_number_ = number + 1;
        }
        if (segments_.find(number) != nullptr) continue;
        const auto verified = files_.verify(number);
        if (!verified && verified.error().code() == error_code::mismatch) return verified.error();
        const bool known = verified || verified.error().code() == error_code::corrupt;
        if (known) leftovers_.push_back(number);
    }
    return success();
}

// --- files ---------------------------------------------------------------------------------------

template <platform Platform, checksum_policy Checksum>
void page_store<Platform, Checksum>::remove_leftovers() {
    std::vector<std::uint32_t> failed;
    for (const std::uint32_t number : leftovers_) {
        const auto gone = files_.remove(number);
        if (!gone && gone.error().code() != error_code::not_found) failed.push_back(number);
    }
    const std::uint64_t removed = leftovers_.size() - failed.size();
    leftovers_.swap(failed);  // tried again at the next commit
    const lock_guard<mutex> hold{mutex_};
    counts_.segments_removed += removed;
}

template <platform Platform, checksum_policy Checksum>
auto page_store<Platform, Checksum>::file_of(std::uint32_t number) -> result<file> {
    {
        const lock_guard<mutex> hold{mutex_};
        const segment* const at = segments_.find(number);
        if (at != nullptr && at->file) return at->file;
    }
    auto opened = files_.open(number, file_mode::read);
    if (!opened) return opened;
    const lock_guard<mutex> hold{mutex_};
    segment* const at = segments_.find(number);
    if (at != nullptr && !at->file) segments_.opened(*at, *opened, false);
    return opened;
}

//   Requires    mutex_, and nobody makes a file; mutex_ is let go meanwhile
template <platform Platform, checksum_policy Checksum>
template <class Make>
auto page_store<Platform, Checksum>::make_segment(unique_lock<mutex>& hold, std::uint32_t size,
                                                  Make make) -> result<segment*> {
    if (next_number_ == UINT32_MAX)
        return error{error_code::too_large, "making a data segment: no number is left"};
    const std::uint32_t number = next_number_++;
    making_ = true;
    hold.unlock();
    auto made = make(number);
    hold.lock();
    making_ = false;
    made_.notify_all();
    if (!made) {
        // A full disk may be asked again and again. If the file could not be removed, the next one
        // who makes it is told so, and the number is used up.
        if (made.error().code() == error_code::no_space) next_number_ = number;
        return std::move(made).error();
    }
    ++names_made_;
    bury_dead();
    segment& added = segments_.add(number);
    added.blocks = size / data_block_bytes;
    added.next_block = data_header_bytes / data_block_bytes;
    added.sealed = false;
    segments_.opened(added, *std::move(made), true);
    if (size > largest_bytes_) {
        largest_bytes_ = size;
        note_reserve();
    }
    return &added;
}

// Of a smaller size where there is no room for another.
template <platform Platform, checksum_policy Checksum>
auto page_store<Platform, Checksum>::make_new_segment(unique_lock<mutex>& hold)
    -> result<segment*> {
    for (std::uint32_t size = unit_bytes_;; size /= 2) {
        auto made = make_segment(hold, size,
                                 [&](std::uint32_t number) { return files_.make(number, size); });
        const bool full = !made && made.error().code() == error_code::no_space;
        if (!full || size <= least_bytes()) return made;
    }
}

template <platform Platform, checksum_policy Checksum>
auto page_store<Platform, Checksum>::make_segment_of_spare(unique_lock<mutex>& hold)
    -> result<segment*> {
    const std::uint32_t size = take_spare();
    const auto spare = static_cast<std::uint32_t>(spares_.size());
    return make_segment(hold, size, [&](std::uint32_t number) {
        return files_.make_of_spare(spare, number, size);
    });
}

// --- pages ---------------------------------------------------------------------------------------

template <platform Platform, checksum_policy Checksum>
result<void> page_store<Platform, Checksum>::read_image(const file& from, page_id page,
                                                        const page_entry& entry,
                                                        bytes& image) const {
    image = bytes::zeros(entry.place.size());
    auto got = from->read(entry.place.offset(), image.data(), image.size());
    if (!got) return std::move(got).error().with("page", page.value);
    if (*got == image.size() &&
        image_checksum<Checksum>(options_.database, page, image) == entry.checksum)
        return success();
    return error{error_code::corrupt, "reading a page"}
        .about(from->path())
        .with("page", page.value)
        .with("offset", entry.place.offset())
        .with("bytes", image.size());
}

template <platform Platform, checksum_policy Checksum>
void page_store<Platform, Checksum>::forget_moved(segment& in) {
    if (!in.lists_too_much()) return;
    std::vector<std::uint32_t> left;
    left.reserve(in.newest_blocks / in.longest_image + 1);
    for (const std::uint32_t page : in.pages)
        if (map_.newest({page}).place.segment() == in.number) left.push_back(page);
    in.pages.swap(left);
    in.listed_blocks = in.newest_blocks;
}

template <platform Platform, checksum_policy Checksum>
result<bytes> page_store<Platform, Checksum>::read_newest(page_id page, std::size_t size) {
    constexpr const char* doing = "reading a page";
    for (;;) {
        page_entry entry;
        {
            const lock_guard<mutex> hold{mutex_};
            check(opened_, "a page store is used before it is opened");
            entry = map_.newest(page);
        }
        if (entry.place.is_none())
            return error{error_code::not_found, doing}.with("page", page.value);
        if (entry.place.size() != size)
            return error{error_code::mismatch, doing}
                .with("page", page.value)
                .with("bytes", entry.place.size())
                .with("expected_bytes", size);
        auto from = file_of(entry.place.segment());
        if (!from) {
            const lock_guard<mutex> hold{mutex_};
            if (map_.newest(page) != entry) continue;  // it was moved, and the file removed
            return std::move(from).error().with("page", page.value);
        }
        bytes image;
        if (auto done = read_image(*from, page, entry, image); !done) return done.error();
        return image;
    }
}

template <platform Platform, checksum_policy Checksum>
auto page_store<Platform, Checksum>::find_room(std::uint32_t blocks, purpose what_for,
                                               unique_lock<mutex>& hold) -> result<segment*> {
    const auto replace = [](segment*& old, segment* by) {
        if (old != nullptr) old->sealed = true;
        old = by;
    };
    const std::size_t longest = least_bytes() - data_header_bytes;
    if (blocks > longest / data_block_bytes)
        return error{error_code::too_large, "writing a page: no segment can hold it"}
            .with("bytes", blocks * data_block_bytes)
            .with("limit", longest);
    for (;;) {
        if (failed_) return stopped();
        if (open_ != nullptr && open_->has_room(blocks)) return open_;
        // With a whole reserve, nobody needs to save what a spare became.
        if (!is_tight() && reserved_ != nullptr && reserved_->has_room(blocks) &&
            can_do_without((reserved_->blocks - reserved_->next_block) / blocks, blocks)) {
            replace(open_, std::exchange(reserved_, nullptr));
            return open_;
        }
        if (making_) {
            made_.wait(mutex_);
            continue;
        }
        const bool may_reserve = may_take_reserve(blocks, what_for);
        if (may_reserve && reserved_ != nullptr && reserved_->has_room(blocks)) return reserved_;
        auto made = has_spare_beyond(blocks) ? make_segment_of_spare(hold) : make_new_segment(hold);
        if (made) {
            replace(open_, *made);
            continue;
        }
        if (made.error().code() != error_code::no_space || !may_reserve || spares_.empty())
            return made;
        auto last = make_segment_of_spare(hold);
        if (!last) return last;
        replace(reserved_, *last);
    }
}

// Nobody refers to the image from here on, so that who reads what is half written does not take it
// for damage; and its segment stays, as it is written to.
template <platform Platform, checksum_policy Checksum>
auto page_store<Platform, Checksum>::take_again(page_id page, std::uint32_t epoch, page_place at,
                                                unique_lock<mutex>& hold) -> result<room> {
    segment& in = segments_.of(at);
    ++in.writing;
    learn(map_.put(page, epoch, {}));
    if (in.writable) return room{at, in.file};
    hold.unlock();
    auto opened = files_.open(in.number, file_mode::write);
    hold.lock();
    if (opened && !in.writable) segments_.opened(in, *opened, true);
    if (opened) return room{at, in.file};
    --in.writing;
    return std::move(opened).error().with("page", page.value);
}

template <platform Platform, checksum_policy Checksum>
void page_store<Platform, Checksum>::end_write(const room& of, bool written, purpose what_for) {
    segment& in = segments_.of(of.at);
    --in.writing;
    if (!written) {
        ++counts_.failed_writes;
        return;
    }
    ++in.writes;
    const bool commits = what_for == purpose::commit;
    if ((commits || what_for == purpose::page) && promised_ != 0) --promised_;
    if (commits && promised_before_ != 0) --promised_before_;
    ++counts_.images_written;
    counts_.bytes_written += of.at.size();
}

template <platform Platform, checksum_policy Checksum>
result<void> page_store<Platform, Checksum>::write(page_id page, std::uint32_t epoch,
                                                   bytes_view image) {
    const std::size_t size = image.size();
    if (size == 0 || size % data_block_bytes != 0 || size > most_image_bytes)
        return error{error_code::invalid_argument, "writing a page"}
            .with("page", page.value)
            .with("bytes", size);
    room into;
    purpose what_for = purpose::page;
    {
        unique_lock<mutex> hold{mutex_};
        if (auto refused = may_change(page, epoch); !refused) return refused;
        const auto blocks = static_cast<std::uint32_t>(size / data_block_bytes);
        if (epoch <= commit_begun_) what_for = purpose::commit;
        const page_place last = map_.place_since(page, epoch);
        if (last.blocks() == blocks) {
            what_for = purpose::again;
            auto same = take_again(page, epoch, last, hold);
            if (!same) return std::move(same).error();
            into = *std::move(same);
        } else {
            auto found = find_room(blocks, what_for, hold);
            if (!found) return std::move(found).error().with("page", page.value);
            into = take(**found, page, blocks);
        }
    }
    const page_entry entry{into.at, image_checksum<Checksum>(options_.database, page, image)};
    auto written = into.into->write(into.at.offset(), image);
    const lock_guard<mutex> hold{mutex_};
    end_write(into, written.has_value(), what_for);
    if (!written) return std::move(written.error()).with("page", page.value);
    // Another thread's sync or prepare() may have come between.
    if (auto refused = may_change(page, epoch); !refused) return refused;
    segments_.add_live(into.at);
    learn(map_.put(page, epoch, entry));
    return success();
}

// --- commit --------------------------------------------------------------------------------------

template <platform Platform, checksum_policy Checksum>
std::uint64_t page_store<Platform, Checksum>::collect(std::vector<unsynced>& to_sync) {
    std::uint64_t changed = 0;
    map_.for_each_change(closed_, {1}, [&](page_id, const page_entry& entry) {
        ++changed;
        if (entry.place.is_none()) return true;
        segment& in = segments_.of(entry.place);
        if (in.writes == in.synced_writes || std::exchange(in.collected, true)) return true;
        to_sync.push_back({&in, in.file, in.writes});
        return true;
    });
    for (const unsynced& each : to_sync) each.at->collected = false;
    return changed;
}

template <platform Platform, checksum_policy Checksum>
result<void> page_store<Platform, Checksum>::sync(const std::vector<unsynced>& to_sync) {
    for (const unsynced& each : to_sync) {
        if (auto synced = each.what->sync(); !synced) return synced;
        const lock_guard<mutex> hold{mutex_};
        each.at->synced_writes = each.writes;
    }
    std::uint64_t names = 0;
    {
        const lock_guard<mutex> hold{mutex_};
        if (names_made_ == names_synced_) return success();
        names = names_made_;
    }
    if (auto synced = files_.sync_names(); !synced) return synced;
    const lock_guard<mutex> hold{mutex_};
    names_synced_ = names;
    return success();
}

template <platform Platform, checksum_policy Checksum>
result<std::uint64_t> page_store<Platform, Checksum>::prepare(std::uint32_t epoch) {
    std::uint64_t changed = 0;
    std::vector<unsynced> to_sync;
    {
        const lock_guard<mutex> hold{mutex_};
        check(opened_, "a page store is used before it is opened");
        check(!prepared_, "an epoch is prepared while another one is");
        if (failed_) return stopped();
        if (epoch > closed_) closed_ = epoch;
        // Epochs that were given up are not committed by themselves any more.
        map_.forget_between(closed_, [&](page_place freed) { segments_.remove_live(freed); });
        changed = collect(to_sync);
    }
    if (auto synced = sync(to_sync); !synced) return stop(std::move(synced).error());
    const lock_guard<mutex> hold{mutex_};
    prepared_ = epoch;
    return changed;
}

// Nothing is put of this epoch or an earlier one any more, and nothing is moved, so that all parts
// tell the same state.
template <platform Platform, checksum_policy Checksum>
page_delta_part page_store<Platform, Checksum>::changes(page_id from, std::size_t most_pages) {
    const lock_guard<mutex> hold{mutex_};
    check(prepared_.has_value(), "changes are asked for while no epoch is prepared");
    return part_of(most_pages, [&](auto each) { map_.for_each_change(closed_, from, each); });
}

template <platform Platform, checksum_policy Checksum>
void page_store<Platform, Checksum>::committed(std::uint32_t epoch) {
    {
        const lock_guard<mutex> hold{mutex_};
        check(prepared_ == epoch, "an epoch is committed that was not prepared");
        prepared_.reset();
        map_.commit(closed_, [&](page_place freed) { segments_.remove_live(freed); });
        bury_dead();
        for (const dead_segment& each : dead_) leftovers_.push_back(each.number);
        std::vector<dead_segment>{}.swap(dead_);
        promised_ -= promised_before_ < promised_ ? promised_before_ : promised_;
        promised_before_ = 0;
        if (promised_ == 0) promised_besides_ = 0;
        change_granted(granted_);
    }
    remove_leftovers();
    make_spares();
}

template <platform Platform, checksum_policy Checksum>
page_delta_part page_store<Platform, Checksum>::snapshot(page_id from, std::size_t most_pages) {
    const lock_guard<mutex> hold{mutex_};
    return part_of(most_pages, [&](auto each) { map_.for_each_committed(from, each); });
}

//   Requires    mutex_
template <platform Platform, checksum_policy Checksum>
template <class ForEach>
page_delta_part page_store<Platform, Checksum>::part_of(std::size_t most_pages, ForEach for_each) {
    page_delta_part made{{Checksum::format_id, options_.database, next_number_, {}}, {}};
    for_each([&](page_id page, const page_entry& entry) {
        if (made.part.changes.size() == most_pages) {
            made.next = page;
            return false;
        }
        made.part.changes.push_back({page, entry});
        return true;
    });
    return made;
}

template <platform Platform, checksum_policy Checksum>
page_store_stats page_store<Platform, Checksum>::stats() {
    const lock_guard<mutex> hold{mutex_};
    page_store_stats seen = counts_;
    seen.segments = segments_.all().size() + dead_.size();
    seen.spare = options_.spares != 0 && !is_tight();
    seen.spares = static_cast<std::uint32_t>(spares_.size());
    for (const std::uint32_t size : spares_) seen.spare_bytes += size;
    seen.segment_bytes = unit_bytes_;
    seen.memory_bytes =
        map_.memory_bytes() + segments_.memory_bytes() + dead_.capacity() * sizeof(dead_segment);
    seen.disk_bytes = seen.spare_bytes;
    for (const dead_segment& each : dead_)
        seen.disk_bytes += std::uint64_t{each.blocks} * data_block_bytes;
    for (const auto& each : segments_.all()) {
        seen.disk_bytes += std::uint64_t{each->blocks} * data_block_bytes;
        seen.live_bytes += std::uint64_t{each->live_blocks} * data_block_bytes;
        seen.newest_bytes += std::uint64_t{each->newest_blocks} * data_block_bytes;
    }
    return seen;
}

}  // namespace mantis
