using System.Net;
using RftService.Grading.Outbound;

namespace RftService.Grading.Tests.Outbound;

public sealed class AddressRulesTests
{
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.255.0.3")]
    [InlineData("0.0.0.0")]
    [InlineData("10.0.0.1")]
    [InlineData("100.64.0.1")]
    [InlineData("169.254.169.254")]
    [InlineData("172.16.0.1")]
    [InlineData("172.31.255.255")]
    [InlineData("192.168.1.1")]
    [InlineData("192.0.2.1")]
    [InlineData("198.18.0.1")]
    [InlineData("224.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::ffff:169.254.169.254")]
    [InlineData("64:ff9b::7f00:1")]
    [InlineData("2002:7f00:1::")]
    [InlineData("2001::1")]
    [InlineData("fc00::1")]
    [InlineData("fd00:ec2::254")]
    [InlineData("fe80::1")]
    [InlineData("ff02::1")]
    public void Allows_NotPublic_IsFalse(string address) => Assert.False(new AddressRules([]).Allows(IPAddress.Parse(address)));

    [Theory]
    [InlineData("1.1.1.1")]
    [InlineData("172.32.0.1")]
    [InlineData("93.184.216.34")]
    [InlineData("2606:4700:4700::1111")]
    [InlineData("::ffff:1.1.1.1")]
    public void Allows_Public_IsTrue(string address) => Assert.True(new AddressRules([]).Allows(IPAddress.Parse(address)));

    [Fact]
    public void Allows_NetworkOfTheOperator_IsTrueAndNoMore()
    {
        var rules = new AddressRules(["10.1.0.0/16", "fd00::/8"]);

        Assert.True(rules.Allows(IPAddress.Parse("10.1.2.3")));
        Assert.True(rules.Allows(IPAddress.Parse("fd12::1")));
        Assert.False(rules.Allows(IPAddress.Parse("10.2.0.1")));
    }
}
