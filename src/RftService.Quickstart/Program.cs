using System.Globalization;
using RftService.Quickstart.Corpus;

return args switch
{
    ["corpus", var folder] => Corpus(folder),
    _ => Usage(),
};

static int Corpus(string folder)
{
    CorpusFiles.Write(folder, seed: 1, trainRows: 8_000, heldOutRows: 400);
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Wrote train, held-out, expert and rollouts files to {folder}."));
    return 0;
}

static int Usage()
{
    Console.Error.WriteLine("corpus FOLDER    write the dataset files");
    return 2;
}
