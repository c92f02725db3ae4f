using System.Net;
using System.Text.RegularExpressions;
using RftService.Api.Tests.Hosting;

namespace RftService.Api.Tests.Pages;

public sealed partial class PagesTests(RftApi api) : IClassFixture<RftApi>
{
    [Theory]
    [InlineData("/")]
    [InlineData("/runs/run_00000000000000000000000000000000")]
    public async Task Page_NoKey_IsServedWithAStrictPolicy(string path)
    {
        using var response = await api.ClientWith(null).GetAsync(new Uri(path, UriKind.Relative));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("text/html", response.Content.Headers.ContentType?.MediaType);
        var policy = Assert.Single(response.Headers.GetValues("Content-Security-Policy"));
        Assert.Contains("script-src 'self'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        var html = await response.Content.ReadAsStringAsync();
        Assert.DoesNotMatch(InlineCode(), html);
    }

    [Fact]
    public async Task Page_EveryFileItNames_IsThereAndOurs()
    {
        var client = api.ClientWith(null);
        foreach (var page in new[] { "/", "/runs/x" })
        {
            var html = await client.GetStringAsync(new Uri(page, UriKind.Relative));
            var files = References().Matches(html).Select(match => match.Groups[1].Value).ToList();
            Assert.NotEmpty(files);
            foreach (var file in files)
            {
                Assert.StartsWith("/", file, StringComparison.Ordinal);
                using var response = await client.GetAsync(new Uri(file, UriKind.Relative));
                Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            }
        }
    }

    [Fact]
    public async Task Script_AnyOfOurs_WritesTextOnly()
    {
        var folder = RftService.Testing.Repository.Path("src", "RftService.Api", "wwwroot");
        foreach (var file in Directory.EnumerateFiles(folder, "*.js"))
        {
            Assert.DoesNotMatch(HtmlSinks(), await File.ReadAllTextAsync(file));
        }
    }

    [Theory]
    [InlineData("/pages/none.js")]
    [InlineData("/pages/..%2fappsettings.json")]
    public async Task File_Unknown_Is404(string path) =>
        await api.ClientWith(null).GetAsync(path).ProblemAsync(404, "unknown_route");

    [Fact]
    public async Task File_KnownTag_Is304()
    {
        var client = api.ClientWith(null);
        using var first = await client.GetAsync(new Uri("/pages/run.js", UriKind.Relative));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/pages/run.js");
        request.Headers.IfNoneMatch.Add(first.Headers.ETag!);

        using var again = await client.SendAsync(request);

        Assert.Equal(HttpStatusCode.NotModified, again.StatusCode);
    }

    [GeneratedRegex("""<script(?![^>]*src=)|\son[a-z]+=|style=|<style|javascript:""")]
    private static partial Regex InlineCode();

    [GeneratedRegex("""(?:src|href)="([^"]+\.(?:js|css))""")]
    private static partial Regex References();

    [GeneratedRegex("innerHTML|outerHTML|insertAdjacentHTML|document\\.write|eval\\(|new Function")]
    private static partial Regex HtmlSinks();
}
