using System.Text.Json;
using RftService.Grading.Instructions;

namespace RftService.Grading.Tests;

public sealed class InstructionsGraderTests
{
    [Theory]
    [InlineData("keywords:existence", """{"keywords":["Rain","sun"]}""", "No rain, no SUN.", 1)]
    [InlineData("keywords:existence", """{"keywords":["rain","sun"]}""", "Only rain.", 0)]
    [InlineData("keywords:frequency", """{"keyword":"a b","frequency":2,"relation":"at least"}""", "a b A B", 1)]
    [InlineData("keywords:frequency", """{"keyword":"cat","frequency":2,"relation":"less than"}""", "cat cat", 0)]
    [InlineData("keywords:forbidden_words", """{"forbidden_words":["cat"]}""", "cats", 1)]
    [InlineData("keywords:forbidden_words", """{"forbidden_words":["cat"]}""", "A Cat!", 0)]
    [InlineData("keywords:letter_frequency", """{"letter":"e","let_frequency":3,"let_relation":"at least"}""", "Eve meets", 1)]
    [InlineData("language:response_language", """{"language":"de"}""", "Das ist ein Haus und der Hund ist nicht da.", 1)]
    [InlineData("language:response_language", """{"language":"de"}""", "This is the house and the dog is not here.", 0)]
    [InlineData("language:response_language", """{"language":"ru"}""", "Это просто проверка, ok?", 1)]
    [InlineData("language:response_language", """{"language":"ja"}""", "これは日本語です。", 1)]
    [InlineData("language:response_language", """{"language":"ja"}""", "这是中文。", 0)]
    [InlineData("language:response_language", """{"language":"hi"}""", "यह हिंदी है।", 1)]
    [InlineData("length_constraints:number_sentences", """{"num_sentences":3,"relation":"exactly"}""", "Dr. Smith paid 3.50 dollars. Why? \"Because.\" ", 1)]
    [InlineData("length_constraints:number_sentences", """{"num_sentences":3,"relation":"less than"}""", "One. Two.", 1)]
    [InlineData("length_constraints:number_paragraphs", """{"num_paragraphs":2}""", "one\n***\ntwo\n***\n", 1)]
    [InlineData("length_constraints:number_paragraphs", """{"num_paragraphs":2}""", "one *** *** two", 0)]
    [InlineData("length_constraints:number_words", """{"num_words":4,"relation":"at least"}""", "it's two-fold", 1)]
    [InlineData("length_constraints:number_words", """{"num_words":4,"relation":"less than"}""", "one two three", 1)]
    [InlineData("length_constraints:nth_paragraph_first_word", """{"num_paragraphs":2,"nth_paragraph":2,"first_word":"Well"}""", "one\n\n\"Well, two", 1)]
    [InlineData("length_constraints:nth_paragraph_first_word", """{"num_paragraphs":2,"nth_paragraph":2,"first_word":"well"}""", "well\n\none", 0)]
    [InlineData("detectable_content:number_placeholders", """{"num_placeholders":2}""", "[name] and [street]", 1)]
    [InlineData("detectable_content:postscript", """{"postscript_marker":"P.S."}""", "Bye\np. s. one more", 1)]
    [InlineData("detectable_content:postscript", """{"postscript_marker":"P.P.S"}""", "P.S. one more", 0)]
    [InlineData("detectable_format:number_bullet_lists", """{"num_bullets":3}""", "* a\n* b\n - c", 1)]
    [InlineData("detectable_format:number_bullet_lists", """{"num_bullets":2}""", "**bold**\n* b\n", 0)]
    [InlineData("detectable_format:constrained_response", "{}", "Well. My answer is maybe.", 1)]
    [InlineData("detectable_format:number_highlighted_sections", """{"num_highlights":2}""", "*one* and *two*", 1)]
    [InlineData("detectable_format:number_highlighted_sections", """{"num_highlights":2}""", "*one* and ** **", 0)]
    [InlineData("detectable_format:multiple_sections", """{"section_spliter":"SECTION","num_sections":2}""", "SECTION 1\na\nSECTION 2\nb", 1)]
    [InlineData("detectable_format:json_format", "{}", "```json\n{\"a\":1}\n```", 1)]
    [InlineData("detectable_format:json_format", "{}", "{a:1}", 0)]
    [InlineData("detectable_format:title", "{}", "<<a title>>\ntext", 1)]
    [InlineData("detectable_format:title", "{}", "<< >>", 0)]
    [InlineData("combination:two_responses", "{}", "one\n******\ntwo", 1)]
    [InlineData("combination:two_responses", "{}", "one******one", 0)]
    [InlineData("combination:repeat_prompt", """{"prompt_to_repeat":"Say it."}""", " say it.\nIt.", 1)]
    [InlineData("startend:end_checker", """{"end_phrase":"Is there more?"}""", "Yes. \"is there more?\"", 1)]
    [InlineData("startend:quotation", "{}", " \"quoted\" ", 1)]
    [InlineData("startend:quotation", "{}", "\"", 0)]
    [InlineData("change_case:capital_word_frequency", """{"capital_frequency":2,"capital_relation":"at least"}""", "NASA and ESA", 1)]
    [InlineData("change_case:english_capital", "{}", "THIS IS THE WAY", 1)]
    [InlineData("change_case:english_lowercase", "{}", "This is the way", 0)]
    [InlineData("change_case:english_lowercase", null, "this is the way", 1)]
    [InlineData("punctuation:no_comma", """{"num_words":null}""", "no; comma", 1)]
    [InlineData("punctuation:no_comma", "{}", "one, comma", 0)]
    [InlineData("punctuation:no_comma", "{}", "", 0)] // saying nothing follows no instruction
    public void Score_Check_FollowsIfeval(string id, string? arguments, string output, double expected)
    {
        var kwargs = arguments is null ? "" : $",\"kwargs\":{arguments}";

        Assert.Equal(expected, Given.Grader($$"""{"type":"instructions","name":"g","checks":[{"id":"{{id}}"{{kwargs}}}]}""").Score(output).Value);
    }

    [Fact]
    public void Score_Share_NamesWhatIsNotMet()
    {
        var grade = Given.Grader("""{"type":"instructions","name":"g","mode":"share","checks":[{"id":"punctuation:no_comma"},{"id":"detectable_format:title"}]}""").Score("no title");

        Assert.Equal((0.5, "not met: detectable_format:title"), (grade.Value, grade.Reason));
    }

    [Fact]
    public void FromRow_IfevalRow_IsRead()
    {
        var grader = Given.Grader("""{"type":"instructions","name":"g","from_row":true,"mode":"share"}""");
        const string Row = """{"key":1000,"prompt":"...","instruction_id_list":["punctuation:no_comma","length_constraints:number_words"],"kwargs":[{},{"relation":"at least","num_words":3,"num_highlights":null}]}""";

        Assert.Null(grader.Reject(Given.Item(Row)));
        Assert.Equal(0.5, grader.Score("a, b, c", Row).Value);
        Assert.Equal(0.5, grader.Score("a b", Row).Value);
    }

    [Theory]
    [InlineData("{}", "/instruction_id_list")]
    [InlineData("""{"instruction_id_list":[]}""", "/instruction_id_list")]
    [InlineData("""{"instruction_id_list":["x:y"]}""", "/instruction_id_list/0")]
    [InlineData("""{"instruction_id_list":["punctuation:no_comma","keywords:existence"],"kwargs":[{},{}]}""", "/instruction_id_list/1")]
    [InlineData("""{"instruction_id_list":["keywords:existence"],"kwargs":[{"keywords":["\ud800"]}]}""", "/instruction_id_list/0")]
    public void FromRow_BadRow_IsRefusedAndNotGraded(string row, string pointer)
    {
        var grader = Given.Grader("""{"type":"instructions","name":"g","from_row":true}""");

        Assert.Equal(pointer, grader.Reject(Given.Item(row))?.Pointer);
        Assert.Equal(GradeError.OtherError, grader.Score("text", row).Error);
    }

    [Theory]
    [InlineData("", "/checks")]
    [InlineData("\"from_row\":true,\"checks\":[{\"id\":\"punctuation:no_comma\"}]", "/checks")]
    [InlineData("\"checks\":[{\"id\":\"x:y\"}]", "/checks/0")]
    [InlineData("\"checks\":[{\"id\":\"punctuation:no_comma\",\"kwargs\":{\"typo\":1}}]", "/checks/0")]
    [InlineData("\"checks\":[{\"id\":\"punctuation:no_comma\",\"kwargs\":[]}]", "/checks/0")]
    [InlineData("\"checks\":[{\"id\":\"length_constraints:number_words\",\"kwargs\":{\"num_words\":\"4\",\"relation\":\"at least\"}}]", "/checks/0")]
    [InlineData("\"checks\":[{\"id\":\"length_constraints:number_words\",\"kwargs\":{\"num_words\":4,\"relation\":\"about\"}}]", "/checks/0")]
    [InlineData("\"checks\":[{\"id\":\"language:response_language\",\"kwargs\":{\"language\":\"tlh\"}}]", "/checks/0")]
    [InlineData("\"checks\":[{\"id\":\"keywords:letter_frequency\",\"kwargs\":{\"letter\":\"ab\",\"let_frequency\":1,\"let_relation\":\"at least\"}}]", "/checks/0")]
    public void Create_BadChecks_PointAtThem(string options, string pointer) =>
        Assert.Equal(pointer, Given.Fault($$"""{"type":"instructions","name":"g"{{(options.Length > 0 ? "," : "")}}{{options}}}""").Pointer);

    [Fact]
    public void Checks_HugeAndRandomTexts_EndSoon()
    {
        string[] pieces = ["***", "\n\n", "*", "- ", "[", "]", "<<", ">>", ".", "?", "\"", " ", "a", "THE", "，", "\ud800", "P.S.", "******", "1"];
        var random = new Random(20260230);
        var checks = InstructionCatalog.Ids.Select(id => InstructionCatalog.Make(id, JsonSerializer.SerializeToElement(Arguments(id)))).ToArray();
        var texts = pieces.Select(piece => string.Concat(Enumerable.Repeat(piece, 300_000 / piece.Length)))
            .Concat(Enumerable.Range(0, 2000).Select(_ => string.Concat(Enumerable.Range(0, random.Next(1, 40)).Select(_ => pieces[random.Next(pieces.Length)]))));
        var clock = System.Diagnostics.Stopwatch.StartNew();

        foreach (var text in texts)
        {
            Assert.All(checks, check => check(text));
        }

        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 60);
    }

    private static Dictionary<string, object> Arguments(string id) => id switch
    {
        "keywords:existence" => new() { ["keywords"] = new[] { "a" } },
        "keywords:frequency" => new() { ["keyword"] = "a", ["frequency"] = 1, ["relation"] = "at least" },
        "keywords:forbidden_words" => new() { ["forbidden_words"] = new[] { "a" } },
        "keywords:letter_frequency" => new() { ["letter"] = "a", ["let_frequency"] = 1, ["let_relation"] = "at least" },
        "language:response_language" => new() { ["language"] = "fr" },
        "length_constraints:number_sentences" => new() { ["num_sentences"] = 1, ["relation"] = "at least" },
        "length_constraints:number_paragraphs" => new() { ["num_paragraphs"] = 2 },
        "length_constraints:number_words" => new() { ["num_words"] = 1, ["relation"] = "at least" },
        "length_constraints:nth_paragraph_first_word" => new() { ["num_paragraphs"] = 2, ["nth_paragraph"] = 1, ["first_word"] = "a" },
        "detectable_content:number_placeholders" => new() { ["num_placeholders"] = 1 },
        "detectable_content:postscript" => new() { ["postscript_marker"] = "P.S." },
        "detectable_format:number_bullet_lists" => new() { ["num_bullets"] = 1 },
        "detectable_format:number_highlighted_sections" => new() { ["num_highlights"] = 1 },
        "detectable_format:multiple_sections" => new() { ["section_spliter"] = "a", ["num_sections"] = 1 },
        "combination:repeat_prompt" => new() { ["prompt_to_repeat"] = "a" },
        "startend:end_checker" => new() { ["end_phrase"] = "a" },
        "change_case:capital_word_frequency" => new() { ["capital_frequency"] = 1, ["capital_relation"] = "at least" },
        _ => [],
    };
}
