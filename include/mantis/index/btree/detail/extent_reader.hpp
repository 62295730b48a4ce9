// SPDX-License-Identifier: BSL-1.0
//
// Reads an extent, page by page, with nothing held between two pages.
//
// Whatever the pages contain, as many are read as the reference says, and each counts only where
// its header is exactly the one that this page of this value has to have. So who reads an extent
// that somebody frees meanwhile reads pages of nobody or of others, notices it by their headers,
// and then asks the leaf whether the reference still was right.
//
// Threads: each like an int.
#pragma once

#include "../../../core/result.hpp"
#include "extent_layout.hpp"

namespace mantis::detail {

template <class Pool>
class extent_walk {
public:
    //   Requires    of.makes_sense(); the pool lives longer
    extent_walk(Pool& pool, table_id table, extent_reference of) noexcept
        : pool_{&pool},
          table_{table},
          of_{of},
          shape_{pool.page_bytes(), of.value_bytes},
          next_{of.first_page} {}

    [[nodiscard]] bool done() const noexcept { return index_ == shape_.page_count(); }
    //   Requires    !done()
    //   Returns     how many bytes of the value the next page has
    [[nodiscard]] std::size_t bytes_next() const noexcept { return shape_.bytes_in(index_); }

    // Reads the next page, and copies its part of the value, unless `into` is null.
    //   Requires    !done(); room for bytes_next()
    //   Errors      those of the pool; corrupt, with the page
    [[nodiscard]] result<page_id> step(std::byte* into) {
        const page_id page = next_;
        std::byte raw[sizeof(extent_header)] = {};
        auto read = pool_->read(page, [&](const auto& seen) {
            seen.copy(raw, 0, sizeof raw);
            if (into != nullptr) seen.copy(into, sizeof raw, bytes_next());
        });
        if (!read) return failed(std::move(read).error(), page);
        const extent_header seen = load_extent_header(raw);
        extent_header expected = header_of_extent(table_, of_, shape_, index_, page);
        expected.next_page = seen.next_page;
        const bool last = index_ + 1 == shape_.page_count();
        if (seen.kind != expected.kind || seen.version != expected.version)
            return corrupt(page, "a page that is none of a value");
        if (seen != expected || (seen.next_page == 0) != last)
            return corrupt(page, "a page of another value, or at another place in it");
        next_ = {seen.next_page};
        ++index_;
        return page;
    }
    [[nodiscard]] error corrupt(page_id page, const char* what) const {
        return error{error_code::corrupt, "reading a value of a B+tree"}
            .about(what)
            .with("table", table_.value)
            .with("page", page.value);
    }

private:
    [[nodiscard]] error failed(error why, page_id page) const {
        if (why.code() == error_code::not_found || why.code() == error_code::invalid_argument)
            return corrupt(page, "a page of a value that is not there");
        return std::move(why).with("table", table_.value);
    }

    Pool* pool_;
    table_id table_;
    extent_reference of_;
    extent_shape shape_;
    page_id next_;
    std::size_t index_ = 0;
};

// Reads a whole value, and compares its checksum.
//   Requires    leaf.has_it() says whether the leaf has this reference now; leaf.unchanged()
//               whether it has had it all the time
//   Returns     false: it has not, or may have had another meanwhile; what `into` has means nothing
//   Errors      those of the pool; corrupt: the leaf had this reference all the time, and its pages
//               or bytes are not those that were written
template <class Pool, class Leaf>
[[nodiscard]] result<bool> read_extent(Pool& pool, table_id table, bytes_view key,
                                       extent_reference of, bytes& into, Leaf leaf) {
    extent_walk<Pool> walk{pool, table, of};
    if (!of.makes_sense())
        return walk.corrupt({of.first_page}, "a reference to a value that makes no sense");
    into.clear();
    while (!walk.done()) {
        const std::size_t had = into.size();
        into.resize(had + walk.bytes_next());
        const auto page = walk.step(into.data() + had);
        if (!page) return leaf.unchanged() ? result<bool>{page.error()} : false;
        if (!leaf.has_it()) return false;
        // The first page agrees that there is so much.
        into.reserve(of.value_bytes);
    }
    if (extent_checksum(key, into.view()) == of.checksum) return true;
    if (!leaf.unchanged()) return false;
    return walk.corrupt({of.first_page}, "a value with another checksum");
}

}  // namespace mantis::detail
