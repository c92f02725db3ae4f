using RftService.Engine.Tokenization.Templates;

namespace RftService.Engine.Tests.Tokenization;

public sealed class TemplateTests
{
    [Theory]
    [InlineData("{{ 1 + 2 * 3 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 3 }}", "7 3 -4 2 3.5 8")]
    [InlineData("{{ 'a' ~ 1 + 2 }}", null)] // ~ binds tighter than +: 'a1' + 2 has no value
    [InlineData("{{ 'a' ~ (1 + 2) ~ none ~ true }}", "a3NoneTrue")]
    [InlineData("{{ 1 < 2 < 3 }} {{ 1 in [1, 2] }} {{ 'b' not in 'abc' }} {{ not 1 == 2 }}", "True True False True")]
    [InlineData("{{ 'x' if false }}|{{ 'x' if 0 else 'y' }}|{{ missing }}|{{ missing or 'z' }}", "|y||z")]
    [InlineData("{{ [1, 'a', None, 1.0, (1,), {'k': 'it''s'}] }}", "[1, 'a', None, 1.0, (1,), {'k': 'its'}]")]
    [InlineData("{{ 'abcdef'[1:4] }} {{ 'abc'[::-1] }} {{ [1,2,3][-1] }} {{ [1,2,3][:-1] }} {{ 'héllo😀x'[-2] }}", "bcd cba 3 [1, 2] 😀")]
    [InlineData("{{ {'a': 1}.a }} {{ {'a': 1}['a'] }} {{ {'a': 1}.get('b', 2) }} {{ {'a': 1}.b is defined }}", "1 1 2 False")]
    [InlineData("{{ 'x' is string }} {{ {} is mapping }} {{ [] is sequence }} {{ none is none }} {{ 1 is number }} {{ x is not defined }}", "True True True True True True")]
    [InlineData("{{ true is boolean }} {{ 1 is true }} {{ 'a' is iterable }} {{ 2 is equalto 2 }} {{ 6 is divisibleby 3 }} {{ 3 is odd }}", "True False True True True True")]
    [InlineData("{{ '  a ' | trim }}|{{ 'ab' | length }}|{{ 'ab' | upper }}|{{ 'aB c-d' | title }}|{{ 'aBC' | capitalize }}", "a|2|AB|Ab C-D|Abc")]
    [InlineData("{{ [1,2] | join(', ') }} {{ [3,1,2] | sort | list }} {{ [1,2] | reverse | list }} {{ [1,2] | first }}{{ [1,2] | last }}", "1, 2 [1, 2, 3] [2, 1] 12")]
    [InlineData("{{ missing | default('d') }} {{ '' | default('d', true) }} {{ 'aXa' | replace('a', 'b') }} {{ '12' | int + 1 }} {{ '1.5' | float }}", "d d bXb 13 1.5")]
    [InlineData("{{ [{'r': 'a', 'n': 1}, {'r': 'b', 'n': 2}] | selectattr('r', 'equalto', 'b') | map(attribute='n') | list }}", "[2]")]
    [InlineData("{{ [{'r': 'a'}, {'s': 1}] | rejectattr('r', 'defined') | list }} {{ ['a', 'b'] | map('upper') | join }} {{ [0, 1, none] | select | list }}", "[{'s': 1}] AB [1]")]
    [InlineData("{{ {'b': [1, 'é\"'], 'a': {}} | tojson }}", "{\"b\": [1, \"é\\\"\"], \"a\": {}}")]
    [InlineData("{{ {'b': [1]} | tojson(indent=2) }}", "{\n  \"b\": [\n    1\n  ]\n}")]
    [InlineData("{{ 'a,b,c'.split(',') }} {{ 'a,b,c'.split(',')[-1] }} {{ ' a b '.split() }} {{ 'a,b,c'.split(',', 1) }}", "['a', 'b', 'c'] c ['a', 'b'] ['a', 'b,c']")]
    [InlineData("{{ 'xxaxx'.strip('x') }} {{ 'ab'.startswith('a') }} {{ 'ab'.endswith(('x', 'b')) }} {{ 'it is'.title() }} {{ 'a\\n'.rstrip() }}", "a True True It Is a")]
    [InlineData("{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %}", "a=1;b=2;")]
    [InlineData("{% for x in [1,2,3,4] if x % 2 == 0 %}{{ loop.index }}/{{ loop.length }}:{{ x }}{{ ' ' if not loop.last }}{% else %}none{% endfor %}", "1/2:2 2/2:4")]
    [InlineData("{% for x in [] %}x{% else %}none{% endfor %}", "none")]
    [InlineData("{% for x in 'abc' %}{{ loop.previtem if loop.previtem is defined else '^' }}{{ loop.nextitem | default('$') }}{% endfor %}", "^bac" + "b$")]
    [InlineData("{% for x in range(9) %}{% if x == 1 %}{% continue %}{% endif %}{% if x == 3 %}{% break %}{% endif %}{{ x }}{% endfor %}", "02")]
    [InlineData("{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{{ x }}{% endfor %}{{ x }}", "21")]
    [InlineData("{% set ns = namespace(n=0) %}{% for i in [1,2] %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}", "3")]
    [InlineData("{% set a, b = 1, 'z' %}{{ a }}{{ b }}{% set c %}[{{ a }}]{% endset %}{{ c }}", "1z[1]")]
    [InlineData("{% if false %}1{% elif 1 %}2{% else %}3{% endif %}", "2")]
    [InlineData("{% macro m(a, b='y') %}{{ a }}{{ b }}{% endmacro %}{{ m('x') }}{{ m('x', b='z') }}", "xyxz")]
    [InlineData("{% raw %}{{ x }}{% endraw %}{# gone #}!", "{{ x }}!")]
    [InlineData("{{ 'a' 'b' }}{{ \"\\u00e9\\n\" }}{{ '\\d' }}", "abé\n\\d")]
    [InlineData("{{ strftime_now('%d %b %Y') }}", "26 Jul 2024")]
    [InlineData("{{ 1 - 2 | abs }} {{ -3 | abs }} {{ 9007199254740993 + 0 }}", "-1 3 9007199254740993")]
    [InlineData("{{ messages[1:] | length }}{% generation %}g{% endgeneration %}{{ raise_exception is defined }}", "0gTrue")]
    public void Render_OneFeature_GivesWhatJinjaGives(string source, string? expected)
    {
        if (expected is null)
        {
            Assert.Throws<TemplateException>(() => Render(source));
            return;
        }

        Assert.Equal(expected, Render(source));
    }

    [Theory]
    [InlineData("a\n{% if true %}\nb\n{% endif %}\nc", "a\nb\nc")]           // trim_blocks: the newline after a block goes
    [InlineData("a\n   {% if true %}\n  b\n   {% endif %}\nc", "a\n  b\nc")]  // lstrip_blocks: so does the indentation before it
    [InlineData("a   {% if true %} b {% endif %} c", "a    b  c")]            // but not the spaces after other text
    [InlineData("a\n {{- 'x' -}} \n b", "axb")]
    [InlineData("a\n  {{ 'x' }}\nb\n", "a\n  x\nb")]                          // one newline at the very end goes
    [InlineData("a\n  {# note #}\nb", "a\nb")]
    [InlineData("a\n  {%+ if true %}b{% endif %}", "a\n  b")]
    [InlineData("{% if true +%}\nb{% endif %}", "\nb")]
    [InlineData("a\r\n{% set x = 1 %}\r\nb", "a\nb")]
    [InlineData("{%- set x = {'a': {'b': 1}} -%}\n{{ x.a.b }}{{ {'k': {}}}}", "1{'k': {}}")]
    public void Render_WhiteSpace_IsTreatedAsTransformersDoes(string source, string expected) => Assert.Equal(expected, Render(source));

    [Theory]
    [InlineData("{{ raise_exception('no system') }}", "no system")]
    [InlineData("{{ missing.name }}", "`missing` is undefined")]
    [InlineData("{{ missing() }}", "cannot be called")]
    [InlineData("{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}", "steps")]
    [InlineData("{{ range(1000000) }}", "more than")]
    [InlineData("{{ 'a' * 1000000000 }}", "longer than")]
    [InlineData("{% set ns = namespace(s='aaaaaaaaaa') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}", "longer than")]
    [InlineData("{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s | tojson }}", "longer than|steps")]
    [InlineData("{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }}", "nested too deeply")]
    [InlineData("{{ 1 // 0 }}", "//")]
    [InlineData("{{ ('a' * 1000000).replace('a', 'b' * 1000000) }}", "longer than")]
    public void Render_Misbehaving_IsStopped(string source, string expected)
    {
        var fault = Assert.Throws<TemplateException>(() => Render(source));

        Assert.Contains(expected.Split('|'), part => fault.Message.Contains(part, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("{% if x %}", "endif")]
    [InlineData("{{ x", "not closed")]
    [InlineData("{{ x | nothing }}", "filter `nothing`")]
    [InlineData("{{ x is nothing }}", "test `nothing`")]
    [InlineData("a\nb\n{% extends 'x' %}", "line 3")]
    [InlineData("{% endif %}", "not supported")]
    public void Parse_Unreadable_SaysWhereAndWhy(string source, string expected)
    {
        var fault = Assert.Throws<TemplateException>(() => Template.Parse(source));

        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_NestedWithoutEnd_IsRefusedAndDoesNotEndTheProcess()
    {
        Assert.Throws<TemplateException>(() => Template.Parse("{{ " + new string('(', 200_000) + " }}"));
        Assert.Throws<TemplateException>(() => Template.Parse(string.Concat(Enumerable.Repeat("{% if 1 %}", 40_000))));
        var chain = Template.Parse("{{ 0" + string.Concat(Enumerable.Repeat("+1", 200_000)) + " }}");
        Assert.Throws<TemplateException>(() => chain.Render(new Dictionary<string, object?>(), default));
    }

    private static string Render(string source) =>
        Template.Parse(source).Render(new Dictionary<string, object?> { ["messages"] = new TemplateList([]) }, RftService.Engine.Tokenization.ChatTemplate.Today);
}
