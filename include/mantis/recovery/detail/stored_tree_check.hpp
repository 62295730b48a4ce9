// SPDX-License-Identifier: BSL-1.0
//
// Looks at every page of the last checkpoint of tables in pages, and at how they hang together, of
// a database that nobody has opened. It goes on behind damage, so that all of it is told.
//
//   1. from the root of each table down: the image of each page fits its checksum; it is a sound
//      node of this table (verify_node), of the level and with the fences that its parent says
//   2. each extent that a leaf refers to: the header of each of its pages, and the checksum
//   3. no page is reached twice, by whichever tables
//   4. a table has as many entries as the manifest says
//   5. pages that nothing led to: their images are looked at, too. A sound one is told as leaked,
//      if nothing was damaged that may have led to it
// Below a page that is damaged or not sound nothing is known, but for 5.
//
// Who looks tells a sink S:
//
//   expression                             meaning
//   sink.spend(size) -> bool               so many bytes were read. false: stop
//   sink.add_page()                        an image is whole
//   sink.found(page_damage)                one is not
//   sink.broken(table, page, error)        images are whole, and say what they should not
//   sink.leaked(table, page)               nothing leads to this page; the table, if it says so
//   sink.wants_rows(table) -> bool         whether row() is to be called for those of the table
//   sink.row(table, page, key, value, version)
//
// Memory: a bit for each page, a page for each level, and the value of a row.
// Threads: one.
#pragma once

#include "stored_pages.hpp"
#include "tables_scrub.hpp"

#include "../../index/btree/detail/extent_reader.hpp"
#include "../../index/btree/slotted_verify.hpp"
#include "../page_damage.hpp"

namespace mantis::detail {

struct tree_check_figures {
    std::uint64_t tables = 0;
    std::uint64_t entries = 0;
    std::uint64_t leaves = 0;
    std::uint64_t inner_nodes = 0;
    std::uint64_t height = 0;      // of the highest tree
    std::uint64_t used_bytes = 0;  // of nodes
    std::uint64_t node_bytes = 0;  // their pages
    std::uint64_t extents = 0;     // values in pages of their own
    std::uint64_t extent_pages = 0;
    std::uint64_t leaked_pages = 0;
    std::uint64_t unknown_pages = 0;  // sound ones to which something damaged may have led
};

template <platform Platform, checksum_policy Checksum, class Sink>
class stored_tree_check {
public:
    //   Requires    they live longer; pages.proven()
    stored_tree_check(stored_pages<Platform, Checksum>& pages, Sink& sink) noexcept
        : pages_{&pages}, sink_{&sink} {}

    [[nodiscard]] tree_check_figures run() {
        pages_->map().for_each_committed({1}, [&](page_id page, const page_entry&) {
            if (page.value >= reached_.size())
                reached_.resize(static_cast<std::size_t>(page.value) * 2 + 64);
            return true;
        });
        for (const table_root& each : pages_->roots().all())
            if (!stopped_) check_table(each);
        if (!stopped_) check_others();
        return figures_;
    }

private:
    // Each level at least doubles the pages.
    static constexpr std::size_t most_levels = 64;

    void check_table(const table_root& root) {
        ++figures_.tables;
        table_ = root.table;
        const std::uint64_t before = figures_.entries;
        const bool was_whole = std::exchange(whole_, true);
        bytes raw;
        if (take(root.root, raw)) check_root(root, {raw.data(), raw.size()});
        const std::uint64_t entries = figures_.entries - before;
        if (whole_ && !stopped_ && entries != root.entries)
            broken(root.root, corrupt(root.root, "another number of entries than the manifest says")
                                  .with("entries", entries)
                                  .with("manifest_entries", root.entries));
        whole_ = whole_ && was_whole;
    }
    void check_root(const table_root& root, slotted_view<> view) {
        if (auto sound = verify_node(view, {table_, root.root.value}); !sound)
            return broken(root.root, sound.error());
        if (view.level() >= most_levels)
            return broken(root.root, corrupt(root.root, "a level that is not of its kind"));
        if (!view.fences().lower.empty() || !view.fences().upper.empty())
            return broken(root.root, corrupt(root.root, "a root with fences"));
        if (figures_.height < view.level() + 1) figures_.height = view.level() + 1;
        check_below(view, root.root);
    }
    //   Requires    a sound node
    void check_below(slotted_view<> node, page_id page) {
        figures_.used_bytes += node.bytes_used();
        figures_.node_bytes += node.page_bytes();
        if (node.is_leaf()) return check_leaf(node, page);
        ++figures_.inner_nodes;
        bytes below;
        for (std::size_t at = 0; at <= node.count() && !stopped_; ++at) {
            page_id child;
            if (!node.read_child(at, child.value)) {
                broken(page, corrupt(page, "a child that makes no sense"));
                continue;
            }
            if (!take(child, below)) continue;
            const slotted_view<> view{below.data(), below.size()};
            if (auto sound = fits(node, at, view, child); !sound) broken(child, sound.error());
            else check_below(view, child);
        }
    }
    [[nodiscard]] result<void> fits(slotted_view<> parent, std::size_t at, slotted_view<> child,
                                    page_id page) const {
        if (auto sound = verify_node(child, {table_, page.value}); !sound) return sound;
        if (child.level() + 1 != parent.level()) return corrupt(page, "a node of another level");
        node_key lower;
        node_key upper;
        lower.assign(parent.fences().lower);
        upper.assign(parent.fences().upper);
        if ((at != 0 && !parent.copy_key(at - 1, lower)) ||
            (at != parent.count() && !parent.copy_key(at, upper)))
            return corrupt(page, "a separator that makes no sense");
        if (child.fences().lower != lower.view() || child.fences().upper != upper.view())
            return corrupt(page, "other fences than expected");
        return success();
    }
    void check_leaf(slotted_view<> leaf, page_id page) {
        ++figures_.leaves;
        figures_.entries += leaf.count();
        const bool wants_rows = sink_->wants_rows(table_);
        node_key key;
        for (std::size_t at = 0; at < leaf.count() && !stopped_; ++at) {
            leaf_entry entry;
            if (!leaf.read_leaf_entry(at, entry) || !leaf.copy_key(at, key)) {
                broken(page, corrupt(page, "an entry that makes no sense"));
                continue;
            }
            bytes_view value = entry.payload.value;
            if (entry.payload.is_reference) {
                const extent_reference of = load_extent_reference(value.data());
                if (!check_extent(key.view(), of, page, wants_rows)) continue;
                value = value_.view();
            }
            if (wants_rows) sink_->row(table_, page, key.view(), value, entry.version);
        }
    }

    // Reads of an extent as of any other page; extent_walk compares the headers.
    struct extent_source {
        stored_tree_check* own;

        [[nodiscard]] std::size_t page_bytes() const noexcept { return own->pages_->page_bytes(); }
        template <class Read>
        [[nodiscard]] result<void> read(page_id page, Read read) {
            if (!own->take(page, own->extent_page_)) {
                own->told_ = true;
                return own->corrupt(page, "a page of a value");
            }
            read(typename stored_pages<Platform, Checksum>::seen_page{own->extent_page_.data()});
            ++own->figures_.extent_pages;
            return success();
        }
    };
    //   Effects     value_ is the value, if it is wanted
    //   Returns     whether it is whole
    [[nodiscard]] bool check_extent(bytes_view key, extent_reference of, page_id leaf,
                                    bool wants_value) {
        if (!of.makes_sense()) {
            broken(leaf, corrupt(leaf, "a reference to a value that makes no sense"));
            return false;
        }
        value_.clear();
        told_ = false;
        std::uint64_t checksum = crc32c::of(key);
        extent_source source{this};
        extent_walk<extent_source> walk{source, table_, of};
        while (!walk.done()) {
            const std::size_t had = wants_value ? value_.size() : 0;
            const std::size_t size = walk.bytes_next();
            value_.resize(had + size);
            const auto page = walk.step(value_.data() + had);
            if (!page) {
                if (!told_) broken(page_in(page.error(), leaf), page.error());
                return false;
            }
            checksum = crc32c::of(value_.view().from(had), checksum);
        }
        if (static_cast<std::uint32_t>(checksum) == of.checksum) {
            ++figures_.extents;
            return true;
        }
        broken({of.first_page}, corrupt({of.first_page}, "a value with another checksum"));
        return false;
    }
    [[nodiscard]] static page_id page_in(const error& why, page_id otherwise) noexcept {
        const std::uint64_t* const named = why.number("page");
        return named == nullptr ? otherwise : page_id{*named};
    }

    // Pages to which nothing has led.
    void check_others() {
        pages_->map().for_each_committed({1}, [&](page_id page, const page_entry& entry) {
            if (reached_[static_cast<std::size_t>(page.value)]) return true;
            bytes raw;
            if (!read(page, entry, raw)) return !stopped_;
            if (!whole_) {
                ++figures_.unknown_pages;
                return !stopped_;
            }
            ++figures_.leaked_pages;
            sink_->leaked(table_named_in(raw, page), page);
            return !stopped_;
        });
    }

    // The image of a page that something leads to.
    //   Returns     false: it was told why there is none
    [[nodiscard]] bool take(page_id page, bytes& raw) {
        const page_entry entry = pages_->map().newest(page);
        if (entry.place.is_none()) {
            broken(page, corrupt(page, "a page that is not there"));
            return false;
        }
        if (reached_[static_cast<std::size_t>(page.value)]) {
            broken(page, corrupt(page, "a page that something else leads to as well"));
            return false;
        }
        reached_[static_cast<std::size_t>(page.value)] = true;
        if (!read(page, entry, raw)) return whole_ = false;
        if (raw.size() == pages_->page_bytes() && node_limits::is_page_size(raw.size()))
            return true;
        broken(page, corrupt(page, "a page of another size"));
        return false;
    }
    [[nodiscard]] bool read(page_id page, const page_entry& entry, bytes& raw) {
        const auto sound = pages_->check_image(page, entry, raw);
        if (!sink_->spend(entry.place.size())) stopped_ = true;
        if (sound) {
            sink_->add_page();
            return true;
        }
        sink_->found({sound.error().code(), data_segment_name(entry.place.segment()),
                      entry.place.offset(), page, table_named_in(raw, page), false});
        return false;
    }
    void broken(page_id page, const error& why) {
        whole_ = false;
        sink_->broken(table_, page, why);
    }
    [[nodiscard]] error corrupt(page_id page, const char* what) const {
        return error{error_code::corrupt, "checking a table"}
            .about(what)
            .with("table", table_.value)
            .with("page", page.value);
    }

    stored_pages<Platform, Checksum>* pages_;
    Sink* sink_;
    table_id table_;
    tree_check_figures figures_;
    std::vector<bool> reached_;  // by page number
    bool whole_ = true;          // nothing is damaged that leads to pages
    bool told_ = false;          // why an extent cannot be read
    bool stopped_ = false;
    bytes value_;
    bytes extent_page_;
};

}  // namespace mantis::detail
