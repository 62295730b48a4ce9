// SPDX-License-Identifier: BSL-1.0
#include "text_source.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

namespace tool {

using mantis::bytes_view;
using mantis::error;
using mantis::error_code;
using mantis::result;

namespace {

error failed(const char* doing, const std::string& name) {
    const int number = errno;  // before the name is copied: allocating may change it
    return error{error_code::io, doing}.about(name).with("errno",
                                                         static_cast<std::uint64_t>(number));
}

}  // namespace

result<std::unique_ptr<text_source>> text_source::open(const std::string& path) {
    const bool standard = path == "-";
    const int opened = standard ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (opened < 0 && (errno == ENOENT || errno == ENOTDIR))
        return error{error_code::not_found, "there is no such file"}.about(path);
    if (opened < 0) return failed("opening a file", path);
    std::unique_ptr<text_source> made{
        new text_source{opened, ::eventfd(0, EFD_CLOEXEC), standard ? "standard input" : path}};
    if (made->stopped_ < 0) return failed("opening an eventfd for", made->name_);
    struct ::stat status = {};
    if (::fstat(opened, &status) != 0) return made;
    if (S_ISDIR(status.st_mode))
        return error{error_code::io, "a file is needed, and this is a directory"}.about(
            made->name_);
    if (S_ISREG(status.st_mode)) made->bytes_total_ = static_cast<std::uint64_t>(status.st_size);
    return made;
}

text_source::~text_source() {
    if (inflating_) ::inflateEnd(&zlib_);
    if (descriptor_ != STDIN_FILENO) ::close(descriptor_);
    if (stopped_ >= 0) ::close(stopped_);
}

void text_source::stop() noexcept { (void)::eventfd_write(stopped_, 1); }

result<bytes_view> text_source::next() {
    // Two bytes decide, and a pipe may give them one by one.
    while (!begun_ && unread_.size() < 2) {
        const std::size_t had = unread_.size();
        auto more = read_more();
        if (!more) return more.error();
        if (unread_.size() == had) break;
    }
    if (!begun_ && unread_.starts_with({"\x1f\x8b", 2})) {
        if (::inflateInit2(&zlib_, 15 + 16) != Z_OK)
            return error{error_code::out_of_memory, "inflating"}.about(name_);
        inflating_ = inside_member_ = true;
        inflated_ = mantis::bytes::zeros(piece_bytes);
    }
    begun_ = true;
    if (inflating_) return inflate_more();
    if (unread_.empty())
        if (auto more = read_more(); !more) return more.error();
    return std::exchange(unread_, {});
}

// Reads behind what is unread, which is moved to the front.
result<std::size_t> text_source::read_more() {
    if (!unread_.empty()) std::memmove(raw_.data(), unread_.data(), unread_.size());
    while (true) {
        struct ::pollfd either[] = {{descriptor_, POLLIN, 0}, {stopped_, POLLIN, 0}};
        if (::poll(either, 2, -1) < 0 && errno == EINTR) continue;
        if (either[1].revents != 0)
            return error{error_code::interrupted, "reading a file: nobody wants more"}.about(name_);
        const ssize_t got =
            ::read(descriptor_, raw_.data() + unread_.size(), raw_.size() - unread_.size());
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got < 0) return failed("reading a file", name_);
        const auto count = static_cast<std::size_t>(got);
        unread_ = bytes_view{raw_.data(), unread_.size() + count};
        bytes_taken_ += count;
        return count;
    }
}

result<bytes_view> text_source::inflate_more() {
    while (true) {
        if (unread_.empty()) {
            auto more = read_more();
            if (!more) return more.error();
            if (*more == 0 && inside_member_) return bad_gzip("reading gzip: the file is cut off");
            if (*more == 0) return bytes_view{};
        }
        if (!inside_member_) {
            while (!unread_.empty() && unread_[0] == std::byte{0}) unread_ = unread_.from(1);
            if (unread_.empty()) continue;
            ::inflateReset(&zlib_);
            inside_member_ = true;
        }
        // zlib takes a pointer to unsigned char that it does not write through.
        zlib_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(unread_.data()));
        zlib_.avail_in = static_cast<uInt>(unread_.size());
        zlib_.next_out = reinterpret_cast<Bytef*>(inflated_.data());
        zlib_.avail_out = static_cast<uInt>(inflated_.size());
        const int state = ::inflate(&zlib_, Z_NO_FLUSH);
        if (state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR)
            return bad_gzip("reading gzip: the file is damaged");
        unread_ = unread_.from(unread_.size() - zlib_.avail_in);
        inside_member_ = state != Z_STREAM_END;
        if (const std::size_t made = inflated_.size() - zlib_.avail_out; made != 0)
            return inflated_.view().first(made);
    }
}

error text_source::bad_gzip(const char* sentence) const {
    return error{error_code::invalid_argument, sentence}.about(name_).with(
        "offset", bytes_taken_ - unread_.size());
}

}  // namespace tool
