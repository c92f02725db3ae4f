using RftService.Grading.Templates;

namespace RftService.Grading.Tests;

public sealed class TemplateTests
{
    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("", "")]
    [InlineData("{{item.s}}", "text")]
    [InlineData("a {{ item.s }}b{{  sample.output_text  }}", "a textbout")]
    [InlineData("{{item.n}}|{{item.t}}|{{item.deep.list[1].x}}", "1.50|true|7")]
    [InlineData("{{item.deep}}", """{"list":[0,{"x":7}]}""")]
    [InlineData("{{item.grid[1][0]}}", "3")]
    [InlineData("""{"a":{"b":"{{item.s}}"}}""", """{"a":{"b":"text"}}""")]
    [InlineData("one } and one { stay", "one } and one { stay")]
    [InlineData("{{item.größe-1}}", "é")]
    public void TryRender_KnownVariables_PutsValuesIn(string source, string expected)
    {
        var item = Given.Item("""{"s":"text","n":1.50,"t":true,"deep":{ "list": [0, {"x": 7}] },"grid":[[1,2],[3]],"größe-1":"é"}""");

        Assert.True(Template.Parse(source).TryRender(item, "out", out var text, out var missing));

        Assert.Equal(expected, text);
        Assert.Null(missing);
    }

    [Theory]
    [InlineData("x{{item.none}}", "item.none")]
    [InlineData("{{ item.null }}", "item.null")]
    [InlineData("{{item.s.below}}", "item.s.below")]
    [InlineData("{{item.s[0]}}", "item.s[0]")]
    [InlineData("{{item.list[2]}}", "item.list[2]")]
    [InlineData("{{item.half}}", "item.half")]
    [InlineData("{{sample.output_text}}{{item.none}}", "sample.output_text")]
    public void TryRender_VariableWithoutValue_NamesIt(string source, string expected)
    {
        var item = Given.Item("""{"s":"text","null":null,"list":[1,2],"half":"\ud800"}""");

        Assert.False(Template.Parse(source).TryRender(item, null, out var text, out var missing));

        Assert.Equal(expected, missing);
        Assert.Empty(text);
    }

    [Fact]
    public void TryRender_ValueWithBraces_IsNotScannedAgain()
    {
        var template = Template.Parse("{{sample.output_text}}!");

        Assert.True(template.TryRender(Given.Item("""{"secret":"s"}"""), "{{item.secret}}", out var text, out _));

        Assert.Equal("{{item.secret}}!", text);
    }

    [Theory]
    [InlineData("ab{{item.x", 2, "Close")]
    [InlineData("{{item.x}", 0, "Close")]
    [InlineData("{{ {{item.x}} }}", 3, "brace")]
    [InlineData("a }} b", 2, "without")]
    [InlineData("{ item.x }}", 9, "without")]
    [InlineData("{{}}", 2, "Known")]
    [InlineData("{{ user.x }}", 3, "Known")]
    [InlineData("{{ item }}", 3, "Known")]
    [InlineData("{{item[0]}}", 2, "Known")]
    [InlineData("{{sample.choices}}", 2, "output_text")]
    [InlineData("{{item..x}}", 7, "field name")]
    [InlineData("{{item.a b}}", 8, "spaces")]
    [InlineData("{{item.a[-1]}}", 9, "index")]
    [InlineData("{{item.a[1}}", 9, "index")]
    [InlineData("{{item.a[0]b}}", 11, "Expected .")]
    public void Parse_Malformed_NamesPlaceAndRemedy(string source, int position, string remedy)
    {
        var fault = Assert.Throws<TemplateException>(() => Template.Parse(source));

        Assert.Equal(position, fault.Position);
        Assert.Contains(remedy, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_HalfASurrogatePair_IsNoFieldName() =>
        Assert.Equal(7, Assert.Throws<TemplateException>(() => Template.Parse("{{item.\ud800}}")).Position);

    [Fact]
    public void Parse_TooManyVariables_Refuses() =>
        Assert.Throws<TemplateException>(() => Template.Parse(string.Concat(Enumerable.Repeat("{{item.x}}", 33))));

    [Fact]
    public void Variables_Repeated_AreListedOnceInOrder()
    {
        var template = Template.Parse("{{item.b}}{{ sample.output_text }}{{item.b}}{{item.a[0].c}}");

        Assert.Equal(["item.b", "sample.output_text", "item.a[0].c"], template.Variables);
        Assert.True(template.UsesSample);
    }

    [Fact]
    public void Reject_MissingField_PointsIntoTheRow()
    {
        var fault = Template.Parse("{{item.a/b[0].c~d}}").Reject(Given.Item("{}"));

        Assert.Equal("/a~1b/0/c~0d", fault?.Pointer);
    }
}
