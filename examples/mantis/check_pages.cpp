// SPDX-License-Identifier: BSL-1.0
#include "check_pages.hpp"
#include "progress.hpp"

#include <mantis/recovery/detail/salvaged_tables.hpp>
#include <mantis/recovery/detail/stored_scrub.hpp>

namespace tool {

// What the scrub of the files and the check of the trees tell.
struct page_check::sink {
    page_check* own;
    std::uint64_t total = 0;
    progress line{"checking pages"};
    std::vector<mantis::bytes> missing = {};  // files, which are told once

    bool spend(std::uint64_t size) {
        own->bytes_ += size;
        line.show(own->bytes_, total, own->pages_, "pages");
        return true;
    }
    void add_file() noexcept {}
    void add_page() noexcept { ++own->pages_; }
    void found(mantis::page_damage what) {
        if (what.code == mantis::error_code::not_found) {
            for (const mantis::bytes& each : missing)
                if (each == what.file.view()) return;
            missing.push_back(what.file);
        }
        own->found_->add(what);
    }
    void broken(mantis::table_id table, mantis::page_id page, const mantis::error& why) {
        check_finding what;
        what.kind = "broken";
        what.page = page.value;
        what.table = table.value;
        if (const known_table* const named = own->tables_->find(table)) what.name = named->name;
        what.problem = sentence_of(why);
        own->found_->add(std::move(what), exit_code::damaged);
    }
    void leaked(mantis::table_id table, mantis::page_id page) {
        check_finding what;
        what.kind = "leaked";
        what.page = page.value;
        what.table = table.value;
        what.problem = "nothing leads to this page";
        own->found_->add_harmless(std::move(what));
    }
    bool wants_rows(mantis::table_id table) { return own->tables_->is_collection(table); }
    void row(mantis::table_id table, mantis::page_id page, mantis::bytes_view key,
             mantis::bytes_view value, mantis::lsn version) {
        ++own->documents_;
        const auto sound = check_row(key, value);
        if (sound) return;
        check_finding what;
        what.kind = "document";
        what.page = page.value;
        what.table = table.value;
        what.name = own->tables_->find(table)->name;
        what.problem = sentence_of(sound.error());
        own->wrong_->add(table, key, version, std::move(what));
    }
};

void page_check::run(mantis::lsn log_end) {
    const auto names = mantis::detail::find_manifests(*directory_);
    if (!names) return found_->add("damaged", names.error());
    if (names->newest == 0 && of_.pages_sequence == 0) return compare_tables({}, {});
    const auto format = mantis::detail::manifest_checksum_format(*directory_, names->newest);
    if (format == mantis::crc32c::format_id)
        return run_with<mantis::crc32c>(names->newest, log_end);
    run_with<mantis::xxh3>(names->newest, log_end);
}

template <class Checksum>
void page_check::run_with(std::uint64_t generation, mantis::lsn log_end) {
    sink to{this};
    mantis::detail::stored_scrub<mantis::posix, Checksum, sink> files{*directory_, of_, to};
    checked_ = files.run_without_images(generation);
    if (!checked_) return;
    auto& pages = files.pages();
    manifest_groups_ = pages.state().sequence;
    pages.map().for_each_committed({1}, [&](mantis::page_id, const mantis::page_entry& entry) {
        to.total += entry.place.size();
        return true;
    });
    to.total += bytes_;
    const mantis::lsn persisted = pages.state().checkpoint;
    as_of_ = persisted;
    if (log_end != mantis::lsn{} && log_end < persisted && !tables_->incomplete)
        broken(0, "the log ends before what the pages have");
    compare_tables(pages.roots(), persisted);
    mantis::detail::stored_tree_check<mantis::posix, Checksum, sink> trees{pages, to};
    trees_ = trees.run();
}

// The tables of the image and the log, and those of the manifest.
void page_check::compare_tables(const mantis::detail::table_roots& roots, mantis::lsn persisted) {
    for (const auto& [id, each] : tables_->all()) {
        if (each.dropped || each.index.view() != mantis::detail::paged_index_name) continue;
        const bool has_to_be = each.made == mantis::lsn{} || each.made <= persisted;
        if (has_to_be && roots.find({id}) == nullptr)
            broken(id, "the manifest has no pages of this table");
    }
    if (tables_->incomplete) return;
    for (const mantis::detail::table_root& each : roots.all())
        if (tables_->find(each.table) == nullptr)
            broken(each.table.value, "pages of a table that was never made");
}

void page_check::broken(std::uint64_t table, const char* problem) {
    check_finding what;
    what.kind = "broken";
    what.table = table;
    if (const known_table* const named = tables_->find({table})) what.name = named->name;
    what.problem = problem;
    found_->add(std::move(what), exit_code::damaged);
}

void page_check::describe(mantis::bson_writer& to) const {
    to.begin_document("pages");
    add_number(to, "count", pages_);
    add_number(to, "bytes", bytes_);
    add_number(to, "manifest_groups", manifest_groups_);
    add_number(to, "tables", trees_.tables);
    add_number(to, "rows", trees_.entries);
    add_number(to, "leaves", trees_.leaves);
    add_number(to, "inner_nodes", trees_.inner_nodes);
    add_number(to, "height", trees_.height);
    add_number(to, "fill_percent",
               trees_.node_bytes == 0 ? 0 : trees_.used_bytes * 100 / trees_.node_bytes);
    add_number(to, "large_values", trees_.extents);
    add_number(to, "large_value_pages", trees_.extent_pages);
    add_number(to, "leaked", trees_.leaked_pages);
    to.end();
    to.begin_array("not_checked");
    if (!checked_) to.push(mantis::bytes_view{"pages"});
    if (trees_.unknown_pages != 0) to.push(mantis::bytes_view{"whether pages are leaked"});
    to.end();
}

}  // namespace tool
