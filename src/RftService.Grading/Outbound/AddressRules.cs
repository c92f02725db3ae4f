using System.Net;
using System.Net.Sockets;

namespace RftService.Grading.Outbound;

/// <summary>
/// Which addresses a client's reward may make this service connect to: the public internet only. Loopback, private, link-local
/// (cloud metadata), shared, test, multicast and tunnelled networks are left out unless the operator allows them.
/// </summary>
public sealed class AddressRules
{
    private static readonly IPNetwork[] Denied =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
            "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
            "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
        }.Select(IPNetwork.Parse),
    ];

    // Global unicast; everything outside, fc00:: and fe80:: and 64:ff9b:: among it, is not public.
    private static readonly IPNetwork PublicV6 = IPNetwork.Parse("2000::/3");

    private readonly IPNetwork[] _allowed;

    /// <param name="allowedNetworks">In CIDR form.</param>
    /// <exception cref="FormatException">One is no network.</exception>
    public AddressRules(IEnumerable<string> allowedNetworks) => _allowed = [.. allowedNetworks.Select(IPNetwork.Parse)];

    /// <summary>True when a connection may be made.</summary>
    public bool Allows(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return _allowed.Any(network => network.Contains(plain))
            || (!Denied.Any(network => network.Contains(plain)) && (plain.AddressFamily == AddressFamily.InterNetwork || PublicV6.Contains(plain)));
    }
}
