# A client of VPP's CLI socket for machines without VPP's own: vppctl.pl SOCKET WORDS... (Perl starts faster than others.)
# Like that one it names its terminal "vppctl", prints what comes up to the NUL that ends an answer, and exits with 0.
use strict;
use warnings;
use Socket;

my ($path, @words) = @ARGV;
socket(my $link, PF_UNIX, SOCK_STREAM, 0) or die "socket: $!\n";
connect($link, sockaddr_un($path)) or die "connect: $!\n";
syswrite $link, "\xff\xfa\x18\x00vppctl\xff\xf0@words\n";
my ($received, $text) = ("", "");
while (index($text, "\0") < 0) {
    if (!sysread($link, $received, 65536, length $received)) { print $text; exit 1; }
    # Without the server's telnet options: three bytes, or up to IAC SE where they are longer.
    ($text = $received) =~ s/\xff\xfa.*?\xff\xf0|\xff[^\xfa].//gs;
}
print substr($text, 0, index($text, "\0"));
