using RftService.Engine.Kernels;
using TorchSharp;

namespace RftService.Engine.Tests.Kernels;

public sealed unsafe class HostRowsTests
{
    [Fact]
    public void First_MoreThanTwoGigabytes_IsTheirAddress()
    {
        using var scope = torch.NewDisposeScope();
        var large = torch.empty(600_000_000); // no page of it is touched

        Assert.True(HostRows.First(large) == HostRows.First(large.narrow(0, 0, 1)));
        Assert.Throws<ArgumentException>(() => (nint)HostRows.First(large.view(2, -1).t()));
    }

    [Fact]
    public void First_OfAView_IsItsOwnAndNotTheWhole()
    {
        using var scope = torch.NewDisposeScope();
        var whole = torch.empty(4, 3);

        Assert.True(HostRows.First(whole) + 6 == HostRows.First(whole.narrow(0, 2, 2)));
    }
}
